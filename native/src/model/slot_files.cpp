#include "model/slot_files.h"

#include "common.h"
#include "json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace xllamacpp {

namespace {

namespace fs = std::filesystem;

/// Stands at the end of a file that was saved whole, behind what llama.cpp reads.
struct seal {
    std::array<char, 8> mark{'x', 'l', 'c', 's', 'l', 'o', 't', '1'};
    uint64_t            checksum = 0;
};

constexpr size_t chunk_size = 1048576;

/// Of the file's first `size` bytes: finds damage, not forgery.
uint64_t checksum(std::ifstream & file, uint64_t size) {
    std::vector<char> chunk(chunk_size);
    uint64_t          sum  = size;
    uint64_t          left = size;
    while (left > 0) {
        const size_t part = static_cast<size_t>(std::min<uint64_t>(left, chunk.size()));
        if (!file.read(chunk.data(), static_cast<std::streamsize>(part))) {
            throw std::runtime_error("the file cannot be read");
        }
        for (size_t at = 0; at < part; at += sizeof(uint64_t)) {
            uint64_t word = 0;
            std::memcpy(&word, chunk.data() + at, std::min(sizeof(word), part - at));
            sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
            sum ^= sum >> 32U;
        }
        left -= part;
    }
    return sum;
}

void write_seal(const fs::path & path) {
    seal made;
    {
        std::ifstream file(path, std::ios::binary);
        made.checksum = checksum(file, fs::file_size(path));
    }
    std::ofstream file(path, std::ios::binary | std::ios::app);
    file.write(reinterpret_cast<const char *>(&made), sizeof(made));
    if (!file.flush()) {
        throw std::runtime_error("the file cannot be written: is the disk full?");
    }
}

bool is_whole(const fs::path & path) {
    const uint64_t size = fs::file_size(path);
    if (size < sizeof(seal)) {
        return false;
    }
    std::ifstream  file(path, std::ios::binary);
    const uint64_t sum = checksum(file, size - sizeof(seal));
    seal           found;
    return file.read(reinterpret_cast<char *>(&found), sizeof(found)) && found.mark == seal().mark &&
           found.checksum == sum;
}

/// Whether to restore what bears no seal: what llama-server has saved, or another program has changed since.
bool takes_unsealed() {
    const char * set = std::getenv("XLLAMACPP_UNSEALED_SLOTS");
    return set != nullptr && std::strcmp(set, "1") == 0;
}

std::string file_name(const std::string & body) {
    const common_json request = body.empty() ? common_json::object() : common_json::parse(body);
    if (!request.is_object() || !request.contains("filename") || !request.at("filename").is_string()) {
        throw std::invalid_argument("filename is missing: name the file, as in {\"filename\": \"chat.bin\"}");
    }
    const std::string name = request.at("filename").get<std::string>();
    if (!fs_validate_filename(name)) {
        throw std::invalid_argument("filename: " + request.at("filename").dump() +
                                    " is not the name of a file in slot_save_path: give one without a path, without "
                                    "'..' and without characters that some system does not allow");
    }
    return name;
}

void check_file(const fs::path & path, bool is_restored) {
    const std::string   name = "filename: '" + path.filename().u8string() + "' ";
    const fs::file_type type = fs::symlink_status(path).type();
    if (type == fs::file_type::not_found) {
        if (is_restored) {
            throw std::invalid_argument(name + "is not in slot_save_path");
        }
    } else if (type != fs::file_type::regular) {
        throw std::invalid_argument(name + "is not a plain file: slots are not saved through links, nor to devices");
    } else if (is_restored && !takes_unsealed() && !is_whole(path)) {
        throw std::invalid_argument(name +
                                    "is damaged, or was not saved by this program. With XLLAMACPP_UNSEALED_SLOTS=1 the "
                                    "server takes files of llama-server; a damaged one then ends it");
    }
}

}  // namespace

handler guarded_slots(const std::string & folder, const handler & handle) {
    return [folder, handle](const server_http_req & request) {
        const std::string action  = request.get_param("action");
        const bool        is_save = action == "save";
        if (folder.empty() || (!is_save && action != "restore")) {
            return handle(request);  // llama.cpp says what is wrong, or needs no file.
        }
        const std::string name = file_name(request.body);
        if (!fs::is_directory(fs::u8path(folder))) {
            throw std::system_error(ENOTDIR, std::generic_category(), "slot_save_path: '" + folder + "'");
        }
        const fs::path path = fs::u8path(folder + name);
        check_file(path, !is_save);
        server_http_res_ptr response = handle(request);
        // One that was cancelled says nothing.
        if (is_save && response->status == 200 && !response->data.empty()) {
            write_seal(path);
        }
        return response;
    };
}

}  // namespace xllamacpp
