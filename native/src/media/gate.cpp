#include "media/gate.h"

#include "media/web.h"
#include "media/formats.h"

#include "common.h"
#include "download.h"
#include "mtmd-helper.h"
#include "mtmd.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace xllamacpp {

namespace {

// A request holds all its images at once, at 3 bytes a pixel, and its sounds at 4 bytes a sample.
constexpr int64_t mega              = 1048576;
constexpr int64_t most_pixels       = 64 * mega;
constexpr int64_t most_pixels_whole = 256 * mega;
constexpr int     most_hours        = 2;
// Encoders make no token, or abort, of less.
constexpr uint64_t  least_of_second = 10;
constexpr uintmax_t most_bytes      = 256 * mega;

thread_local media_request * the_request = nullptr;

media_request & this_request() {
    if (the_request == nullptr) {
        throw std::logic_error("media outside of a request");
    }
    return *the_request;
}

std::vector<std::string> allowed_hosts() {
    const char *             named = std::getenv("XLLAMACPP_MEDIA_HOSTS");
    std::stringstream        list(named != nullptr ? named : "");
    std::vector<std::string> hosts;
    for (std::string host; std::getline(list, host, ',');) {
        host.erase(0, host.find_first_not_of(' '));
        host.erase(host.find_last_not_of(' ') + 1);
        std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
        if (!host.empty()) {
            hosts.push_back(host);
        }
    }
    return hosts;
}

std::string megapixels(int64_t pixels) { return std::to_string(pixels / mega) + " megapixels"; }

}  // namespace

media_rules::media_rules(const common_params & params)
    : folder(params.media_path), hosts(allowed_hosts()), n_ubatch(std::min(params.n_batch, params.n_ubatch)) {}

media_request::media_request(const media_rules & r, const std::function<bool()> & stop) : rules(r), should_stop(stop) {
    the_request = this;
}

media_request::~media_request() { the_request = nullptr; }

void media_request::count_image(const unsigned char * data, size_t size) {
    const std::optional<image_size> measured = measure_image(data, size);
    if (!measured) {
        throw std::invalid_argument(
            "what was sent is neither an image (PNG, JPEG, BMP or GIF) nor a sound (WAV, MP3 or "
            "FLAC), or its beginning is damaged");
    }
    const int64_t most = most_pixels / std::max<int64_t>(measured->width, 1);
    if (measured->height > most) {
        throw std::invalid_argument("an image of " + std::to_string(measured->width) + " x " +
                                    std::to_string(measured->height) + " pixels is too large; make it smaller than " +
                                    megapixels(most_pixels));
    }
    pixels_ += measured->width * measured->height;
    if (pixels_ > most_pixels_whole) {
        throw std::invalid_argument("the request's images are too large together; make them smaller, or send fewer: " +
                                    megapixels(most_pixels_whole) + " are the most");
    }
    if (is_overfull_png(data, size)) {
        throw std::invalid_argument("an image is damaged: there is more in it than its size says");
    }
}

void media_request::count_sound(const unsigned char * data, size_t size, int rate) {
    const std::optional<uint64_t> counted = count_samples(data, size, static_cast<uint32_t>(rate));
    if (!counted) {
        throw std::invalid_argument("a sound is damaged, or not of a kind that can be read: WAV, MP3 or FLAC");
    }
    const uint64_t least = static_cast<uint64_t>(rate) / least_of_second;
    const uint64_t most  = static_cast<uint64_t>(rate) * 3600 * most_hours;
    if (*counted < least) {
        throw std::invalid_argument("a sound is too short; it has to last for 0.1 seconds at least");
    }
    if (*counted > most || samples_ + *counted > most) {
        throw std::invalid_argument("the request's sounds are too long; " + std::to_string(most_hours) +
                                    " hours are the most, all together");
    }
    samples_ += *counted;
}

}  // namespace xllamacpp

// What server-common.cpp calls, under the names that core.cmake gives.

using namespace xllamacpp;

std::pair<long, std::vector<char>> xllamacpp_media_download(const std::string &          url,
                                                            const common_remote_params & limits) {
    const media_request & request = this_request();
    return {200, download(url, request.rules.hosts,
                          {static_cast<size_t>(limits.max_size), std::chrono::seconds(limits.timeout),
                           request.should_stop})};
}

bool xllamacpp_media_file_name(const std::string & name, bool with_folders) {
    namespace fs = std::filesystem;
    if (!fs_validate_filename(name, with_folders)) {
        return false;
    }
    std::error_code error;
    const fs::path  folder = fs::canonical(fs::u8path(this_request().rules.folder), error);
    const fs::path  file   = fs::canonical(fs::u8path(this_request().rules.folder + name), error);
    if (error) {
        return true;  // llama.cpp says that it is not there.
    }
    const bool is_inside = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
    if (!is_inside || !fs::is_regular_file(file, error)) {
        return false;
    }
    if (fs::file_size(file, error) > most_bytes) {
        throw std::invalid_argument("the file '" + name + "' is larger than " + std::to_string(most_bytes / mega) +
                                    " MB, the most that is read");
    }
    return true;
}

extern "C" mtmd_helper_bitmap_wrapper xllamacpp_media_decode(const mtmd_context * context, const unsigned char * data,
                                                             size_t size, bool is_placeholder,
                                                             mtmd_helper_init_opt options) {
    if (size == 0) {
        throw std::invalid_argument("an image or a sound is empty, or no base64");
    }
    if (looks_like_sound(data, size)) {
        const int rate = mtmd_get_audio_sample_rate(context);
        if (rate <= 0) {
            throw std::invalid_argument(
                "audio input is not supported: the model, or its projector (mmproj), takes none");
        }
        this_request().count_sound(data, size, rate);
    } else if (!mtmd_support_vision(context)) {
        throw std::invalid_argument("what was sent is no sound (WAV, MP3 or FLAC), and the model takes nothing else");
    } else if (!looks_like_video(data, size)) {
        this_request().count_image(data, size);
    }
    const mtmd_helper_bitmap_wrapper made =
        mtmd_helper_bitmap_init_from_buf(context, data, size, is_placeholder, options);
    if (made.bitmap == nullptr) {
        throw std::invalid_argument(
            looks_like_video(data, size)
                ? "a video or WebP image could not be decoded: it is damaged, or the server has "
                  "no ffmpeg; send PNG or JPEG images"
                : "an image or a sound is damaged: it could not be decoded");
    }
    return made;
}

extern "C" int32_t xllamacpp_media_tokenize(const mtmd_context * context, mtmd_input_chunks * chunks,
                                            const mtmd_input_text * text, const mtmd_bitmap * const * media,
                                            size_t count) {
    const std::string_view prompt(text->text, text->text_len);
    const std::string_view marker = mtmd_get_marker(context);
    size_t                 places = 0;
    for (size_t at = prompt.find(marker); at != std::string_view::npos; at = prompt.find(marker, at + marker.size())) {
        ++places;
    }
    if (places != count) {
        throw std::invalid_argument("there are " + std::to_string(count) + " images and sounds for " +
                                    std::to_string(places) +
                                    " places in the prompt; each needs one media marker (/props "
                                    "tells it), and a chat template has to let them through");
    }
    if (mtmd_tokenize(context, chunks, text, media, count) != 0) {
        throw std::invalid_argument("the model cannot take one of the images and sounds; the server's log says why");
    }
    const size_t n_chunks = mtmd_input_chunks_size(chunks);
    for (size_t i = 0; i < n_chunks; ++i) {
        const mtmd_input_chunk * chunk = mtmd_input_chunks_get(chunks, i);
        const size_t             size  = mtmd_input_chunk_get_n_tokens(chunk);
        if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
            continue;
        }
        if (i + 1 == n_chunks) {
            // llama.cpp asserts that something to decode is left when it has come to the end of a prompt.
            throw std::invalid_argument("the prompt ends with an image or a sound; let some text follow it");
        }
        const auto most = static_cast<size_t>(this_request().rules.n_ubatch);
        if (size > most && mtmd_decode_use_non_causal(context, chunk)) {
            throw std::invalid_argument("an image takes " + std::to_string(size) +
                                        " tokens, which this model has to see "
                                        "at once, and the server takes " +
                                        std::to_string(most) + " at once; set its n_ubatch and n_batch to as many");
        }
    }
    return 0;
}
