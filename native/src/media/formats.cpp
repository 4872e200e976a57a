#include "media/formats.h"

#include <climits>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

// The decoders that llama.cpp reads with, so that nothing can look small here and be large there.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#include "stb/stb_image.h"

#define MINIAUDIO_IMPLEMENTATION
#define MA_API static
#define MA_NO_ENCODING
#define MA_NO_DEVICE_IO
#define MA_NO_RESOURCE_MANAGER
#define MA_NO_NODE_GRAPH
#define MA_NO_ENGINE
#define MA_NO_GENERATION
#include "miniaudio/miniaudio.h"

namespace xllamacpp {

namespace {

bool begins_with(const unsigned char * data, size_t size, std::string_view start, size_t offset = 0) {
    return size >= offset + start.size() && std::memcmp(data + offset, start.data(), start.size()) == 0;
}

uint32_t big_endian(const unsigned char * data) {
    return uint32_t{data[0]} << 24U | uint32_t{data[1]} << 16U | uint32_t{data[2]} << 8U | uint32_t{data[3]};
}

/// What matters of a PNG's chunks.
struct png {
    uint32_t          width   = 0;
    uint32_t          height  = 0;
    unsigned char     depth   = 0;
    unsigned char     colour  = 0;
    bool              woven   = false;  ///< Its rows come in seven passes.
    bool              is_bare = false;  ///< Apple's kind, whose data has no header.
    std::vector<char> packed;
};

constexpr std::string_view png_start{"\x89PNG\r\n\x1a\n", 8};
constexpr size_t           png_header = 33;

bool is_png(const unsigned char * data, size_t size) {
    return size >= png_header && begins_with(data, size, png_start);
}

png read_png(const unsigned char * data, size_t size) {
    png read;
    for (size_t at = png_start.size(); at + 12 <= size;) {
        const size_t          length = std::min<size_t>(big_endian(data + at), size - at - 12);
        const unsigned char * body   = data + at + 8;
        if (begins_with(data, size, "IHDR", at + 4) && length >= 13) {
            read.width  = big_endian(body);
            read.height = big_endian(body + 4);
            read.depth  = body[8];
            read.colour = body[9];
            read.woven  = body[12] != 0;
        } else if (begins_with(data, size, "CgBI", at + 4)) {
            read.is_bare = true;
        } else if (begins_with(data, size, "IDAT", at + 4)) {
            read.packed.insert(read.packed.end(), body, body + length);
        }
        at += length + 12;
    }
    return read;
}

}  // namespace

std::optional<image_size> measure_image(const unsigned char * data, size_t size) {
    if (is_png(data, size)) {
        // stb says of one that it cannot hold only that it is no image.
        return image_size{big_endian(data + 16), big_endian(data + 20)};
    }
    int width = 0, height = 0, channels = 0;
    if (size > INT_MAX || !stbi_info_from_memory(data, static_cast<int>(size), &width, &height, &channels)) {
        return std::nullopt;
    }
    return image_size{width, height};
}

bool is_overfull_png(const unsigned char * data, size_t size) {
    if (!is_png(data, size)) {
        return false;
    }
    const png        image       = read_png(data, size);
    constexpr size_t channels[8] = {1, 1, 3, 1, 2, 1, 4, 1};
    const size_t     bits        = channels[image.colour % 8] * image.depth;
    const size_t     row         = (image.width * bits + 7) / 8 + 1;
    // Seven passes have rows of their own, each rounded up.
    const size_t room = (image.woven ? 2 : 1) * row * image.height + 4096;
    // Deflate makes at most 1032 bytes of one.
    constexpr size_t most_of_one = 1032;
    if (image.packed.size() * most_of_one <= room || image.packed.size() > INT_MAX || room > INT_MAX) {
        return room > INT_MAX;
    }
    std::vector<char> unpacked(room);
    const int         length = static_cast<int>(image.packed.size());
    const auto        unpack = image.is_bare ? stbi_zlib_decode_noheader_buffer : stbi_zlib_decode_buffer;
    return unpack(unpacked.data(), static_cast<int>(room), image.packed.data(), length) < 0;
}

bool looks_like_sound(const unsigned char * data, size_t size) {
    const bool is_mp3 = begins_with(data, size, "ID3") || (size > 1 && data[0] == 0xFF && (data[1] & 0xE0U) == 0xE0U);
    return size >= 12 && (is_mp3 || begins_with(data, size, "fLaC") ||
                          (begins_with(data, size, "RIFF") && begins_with(data, size, "WAVE", 8)));
}

std::optional<uint64_t> count_samples(const unsigned char * data, size_t size, uint32_t rate) {
    const ma_decoder_config config = ma_decoder_config_init(ma_format_f32, 1, rate);
    ma_decoder              decoder;
    if (ma_decoder_init_memory(data, size, &config, &decoder) != MA_SUCCESS) {
        return std::nullopt;
    }
    ma_uint64  samples  = 0;
    const bool is_known = ma_decoder_get_length_in_pcm_frames(&decoder, &samples) == MA_SUCCESS;
    ma_decoder_uninit(&decoder);
    return is_known ? std::optional<uint64_t>(samples) : std::nullopt;
}

bool looks_like_video(const unsigned char * data, size_t size) {
    const bool is_riff =
        begins_with(data, size, "RIFF") && (begins_with(data, size, "AVI ", 8) || begins_with(data, size, "WEBP", 8));
    return is_riff || begins_with(data, size, "ftyp", 4) || begins_with(data, size, "\x1A\x45\xDF\xA3") ||
           begins_with(data, size, "OggS") || begins_with(data, size, "FLV") ||
           begins_with(data, size, std::string_view("\0\0\1\xBA", 4)) ||
           (size > 188 && data[0] == 0x47 && data[188] == 0x47);
}

}  // namespace xllamacpp
