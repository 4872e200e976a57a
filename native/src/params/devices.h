// Devices and their buffers, which llama.cpp's parameters hold as handles: here they go by name.
#pragma once

#include "params/table.h"

#include "ggml-backend.h"
#include "llama.h"

namespace xllamacpp {

/// A device by its name, "CUDA0"; "" is none. Reading needs nothing, writing needs load_backends to have run.
class device_type final : public value_type {
  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

/// A list of devices without the null that llama.cpp ends one with. ["none"] is the list that holds nothing but it.
class device_list_type final : public value_type {
    using list = std::vector<ggml_backend_dev_t>;

  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

/// The memory of a device by its name, "CPU", "CUDA0".
class buffer_type final : public value_type {
  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

/// A C string that somebody else keeps. What is written here is kept for as long as the process lives.
class pattern_type final : public value_type {
  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

template <> struct type_maker<ggml_backend_dev_t> {
    static const value_type & get();
};

template <> struct type_maker<std::vector<ggml_backend_dev_t>> {
    static const value_type & get();
};

template <> struct type_maker<ggml_backend_buffer_type_t> {
    static const value_type & get();
};

template <> struct type_maker<const char *> {
    static const value_type & get();
};

}  // namespace xllamacpp
