// What an image or a sound comes to, found out before anything is made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace xllamacpp {

struct image_size {
    int64_t width;
    int64_t height;
};

/// What an image says it measures, or nothing where it is none that llama.cpp reads by itself.
std::optional<image_size> measure_image(const unsigned char * data, size_t size);

/// Whether a PNG unpacks into more than an image of its size needs.
bool is_overfull_png(const unsigned char * data, size_t size);

/// Whether llama.cpp would take it for a sound.
bool looks_like_sound(const unsigned char * data, size_t size);

/// How many samples a sound has, at `rate` a second, or nothing where it cannot be read.
std::optional<uint64_t> count_samples(const unsigned char * data, size_t size, uint32_t rate);

/// Whether it begins as a video or a WebP image does, which llama.cpp hands to ffmpeg.
bool looks_like_video(const unsigned char * data, size_t size);

}  // namespace xllamacpp
