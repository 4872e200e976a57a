#include "params/files.h"

#include "model/metadata.h"
#include "xllamacpp/params.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>

namespace xllamacpp {

namespace {

std::ifstream open(const std::string & path, const std::string & field) {
    std::ifstream file(path, std::ios::binary);
    if (!file || fs_is_directory(path)) {
        throw parameter_error(field + ": '" + path + "' cannot be read: is it there, and a file?");
    }
    return file;
}

void check_file(const std::string & path, const std::string & field) {
    if (!path.empty()) {
        open(path, field);
    }
}

/// llama.cpp asks any file for its layers and asserts that it has some.
void check_draft_file(const std::string & path, const std::string & field) {
    check_file(path, field);
    if (!path.empty() && !model_metadata(path).number(".block_count")) {
        throw parameter_error(field + ": '" + path +
                              "' is no model that can draft; it has to be a GGUF file with a language model");
    }
}

template <class T> bool read(std::ifstream & file, T & value) {
    return static_cast<bool>(file.read(reinterpret_cast<char *>(&value), sizeof(value)));
}

/// A record is an n-gram of four tokens, then how many tokens follow it, then each of these with its count; numbers are
/// of four bytes in this machine's order (common_ngram_cache_save in common/ngram-cache.cpp). llama.cpp asserts it.
bool is_lookup_cache(std::ifstream & file) {
    std::array<int32_t, 4> ngram{};
    while (read(file, ngram)) {
        int32_t n_tokens = 0;
        if (!read(file, n_tokens) || n_tokens <= 0) {
            return false;
        }
        for (int32_t i = 0; i < n_tokens; ++i) {
            std::array<int32_t, 2> token_and_count{};
            if (!read(file, token_and_count) || token_and_count[1] <= 0) {
                return false;
            }
        }
    }
    return file.gcount() == 0;
}

void check_lookup_cache(const std::string & path, const std::string & field) {
    if (path.empty()) {
        return;
    }
    std::ifstream file = open(path, field);
    if (!is_lookup_cache(file)) {
        throw parameter_error(field + ": '" + path +
                              "' is no lookup cache, or a damaged one; an empty file is one without n-grams");
    }
}

}  // namespace

void check_directory(const std::string & path, const char * field) {
    if (!fs_is_directory(path)) {
        throw parameter_error(std::string(field) + ": '" + path + "' is not a directory");
    }
}

void check_files(const common_params & p) {
    check_model_files(p);
    check_file(p.ssl_file_key, "ssl_file_key");
    check_file(p.ssl_file_cert, "ssl_file_cert");
    check_file(p.mcp_servers_config, "mcp_servers_config");
    if (!p.public_path.empty()) {
        check_directory(p.public_path, "public_path");
    }
}

void check_model_files(const common_params & p) {
    for (size_t i = 0; i < p.lora_adapters.size(); ++i) {
        const std::string field = "lora_adapters." + std::to_string(i) + ".path";
        open(p.lora_adapters[i].path, field);
    }
    for (size_t i = 0; i < p.control_vectors.size(); ++i) {
        open(p.control_vectors[i].fname, "control_vectors." + std::to_string(i) + ".fname");
    }
    check_file(p.mmproj.path, "mmproj.path");
    check_draft_file(p.speculative.draft.mparams.path, "speculative.draft.mparams.path");
    const std::vector<common_speculative_type> & types = p.speculative.types;
    if (std::count(types.begin(), types.end(), COMMON_SPECULATIVE_TYPE_NGRAM_CACHE) > 0) {
        const common_params_speculative_ngram_cache & caches = p.speculative.ngram_cache;
        check_lookup_cache(caches.lookup_cache_static, "speculative.ngram_cache.lookup_cache_static");
        check_lookup_cache(caches.lookup_cache_dynamic, "speculative.ngram_cache.lookup_cache_dynamic");
    }
}

}  // namespace xllamacpp
