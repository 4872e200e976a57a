#include "params/devices.h"

#include "params/fields.h"

#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace xllamacpp {

namespace {

/// What a model can be offloaded to: every device but the CPU.
std::vector<std::string> device_names() {
    std::vector<std::string> names;
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        if (ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU) {
            names.emplace_back(ggml_backend_dev_name(device));
        }
    }
    return names;
}

std::string one_of_names(const std::vector<std::string> & names, const char * where_there_is_none) {
    std::string text;
    for (const std::string & name : names) {
        text += (text.empty() ? "one of " : ", ") + name;
    }
    return text.empty() ? where_there_is_none : text;
}

/// The main memory, which is there without any backend, and the memory of every device.
std::vector<ggml_backend_buffer_type_t> buffer_types() {
    std::vector<ggml_backend_buffer_type_t> buffers = {ggml_backend_cpu_buffer_type()};
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_buffer_type_t buffer = ggml_backend_dev_buffer_type(ggml_backend_dev_get(i));
        if (buffer && buffer != buffers.front()) {
            buffers.push_back(buffer);
        }
    }
    return buffers;
}

std::vector<std::string> split(const std::string & text) {
    std::vector<std::string> parts;
    std::istringstream       stream(text);
    for (std::string one; std::getline(stream, one, ',');) {
        parts.push_back(one);
    }
    return parts;
}

/// llama.cpp keeps the pattern of an override as a pointer, in every copy of the parameters.
const char * keep(const std::string & pattern) {
    static std::mutex                 mutex;
    static auto &                     kept = *new std::set<std::string>;
    const std::lock_guard<std::mutex> lock(mutex);
    return kept.insert(pattern).first->c_str();
}

}  // namespace

json device_type::read(const void * value) const {
    ggml_backend_dev_t device = *static_cast<const ggml_backend_dev_t *>(value);
    return device ? ggml_backend_dev_name(device) : "";
}

void device_type::write(void * value, const json & given, const std::string & path) const {
    if (!given.is_string()) {
        refuse(path, given, expected());
    }
    const std::string & name   = given.get_ref<const std::string &>();
    ggml_backend_dev_t  device = name.empty() ? nullptr : ggml_backend_dev_by_name(name.c_str());
    if (!name.empty() && (!device || ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU)) {
        refuse(path, given, expected());
    }
    *static_cast<ggml_backend_dev_t *>(value) = device;
}

json device_type::describe() const { return {{"kind", "device"}}; }

std::string device_type::expected() const {
    return one_of_names(device_names(),
                        "no device, as this build sees none but the CPU on this machine ('xllamacpp doctor' says why)");
}

json device_list_type::read(const void * value) const {
    const list & devices = *static_cast<const list *>(value);
    json         names   = json::array();
    for (ggml_backend_dev_t device : devices) {
        if (device) {
            names.push_back(ggml_backend_dev_name(device));
        }
    }
    return !devices.empty() && names.empty() ? json::array({"none"}) : names;
}

void device_list_type::write(void * value, const json & given, const std::string & path) const {
    json names = given;
    if (given.is_string()) {
        names = split(given.get<std::string>());
    }
    if (!names.is_array()) {
        refuse(path, given, expected());
    }
    list devices;
    if (names != json::array({"none"})) {
        for (size_t i = 0; i < names.size(); ++i) {
            devices.push_back(make_element<ggml_backend_dev_t>(names[i], path, i));
            if (!devices.back()) {
                refuse(path, given, expected());
            }
        }
    }
    if (!names.empty()) {
        devices.push_back(nullptr);
    }
    *static_cast<list *>(value) = std::move(devices);
}

json        device_list_type::describe() const { return {{"kind", "list"}, {"of", {{"kind", "device"}}}}; }
std::string device_list_type::expected() const { return R"(a list of devices' names, or ["none"])"; }

json buffer_type::read(const void * value) const {
    ggml_backend_buffer_type_t buffer = *static_cast<const ggml_backend_buffer_type_t *>(value);
    return buffer ? ggml_backend_buft_name(buffer) : "";
}

void buffer_type::write(void * value, const json & given, const std::string & path) const {
    for (ggml_backend_buffer_type_t buffer : buffer_types()) {
        if (given == ggml_backend_buft_name(buffer)) {
            *static_cast<ggml_backend_buffer_type_t *>(value) = buffer;
            return;
        }
    }
    refuse(path, given, expected());
}

json buffer_type::describe() const { return {{"kind", "device"}}; }

std::string buffer_type::expected() const {
    std::vector<std::string> names;
    for (ggml_backend_buffer_type_t buffer : buffer_types()) {
        names.emplace_back(ggml_backend_buft_name(buffer));
    }
    return one_of_names(names, "");
}

json pattern_type::read(const void * value) const {
    const char * text = *static_cast<const char * const *>(value);
    return text ? text : "";
}

void pattern_type::write(void * value, const json & given, const std::string & path) const {
    std::string text;
    type_of<std::string>().write(&text, given, path);
    if (text.empty()) {
        refuse(path, given, expected());
    }
    *static_cast<const char **>(value) = keep(text);
}

json        pattern_type::describe() const { return type_of<std::string>().describe(); }
std::string pattern_type::expected() const { return "a string that is not empty"; }

const value_type & type_maker<ggml_backend_dev_t>::get() {
    static const device_type type;
    return type;
}

const value_type & type_maker<std::vector<ggml_backend_dev_t>>::get() {
    static const device_list_type type;
    return type;
}

const value_type & type_maker<ggml_backend_buffer_type_t>::get() {
    static const buffer_type type;
    return type;
}

const value_type & type_maker<const char *>::get() {
    static const pattern_type type;
    return type;
}

}  // namespace xllamacpp
