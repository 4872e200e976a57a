#include "model/metadata.h"

#include "ggml.h"

#include <algorithm>

namespace xllamacpp {

namespace {

std::optional<double> number_of(gguf_type type, const void * data, size_t index) {
    switch (type) {
        case GGUF_TYPE_UINT8:   return static_cast<const uint8_t *>(data)[index];
        case GGUF_TYPE_INT8:    return static_cast<const int8_t *>(data)[index];
        case GGUF_TYPE_BOOL:    return static_cast<const bool *>(data)[index] ? 1 : 0;
        case GGUF_TYPE_UINT16:  return static_cast<const uint16_t *>(data)[index];
        case GGUF_TYPE_INT16:   return static_cast<const int16_t *>(data)[index];
        case GGUF_TYPE_UINT32:  return static_cast<const uint32_t *>(data)[index];
        case GGUF_TYPE_INT32:   return static_cast<const int32_t *>(data)[index];
        case GGUF_TYPE_FLOAT32: return static_cast<const float *>(data)[index];
        case GGUF_TYPE_UINT64:  return static_cast<double>(static_cast<const uint64_t *>(data)[index]);
        case GGUF_TYPE_INT64:   return static_cast<double>(static_cast<const int64_t *>(data)[index]);
        case GGUF_TYPE_FLOAT64: return static_cast<const double *>(data)[index];
        default:                return std::nullopt;
    }
}

llama_model_kv_override_type tag_of(gguf_type type) {
    switch (type) {
        case GGUF_TYPE_BOOL:    return LLAMA_KV_OVERRIDE_TYPE_BOOL;
        case GGUF_TYPE_FLOAT32:
        case GGUF_TYPE_FLOAT64: return LLAMA_KV_OVERRIDE_TYPE_FLOAT;
        case GGUF_TYPE_STRING:  return LLAMA_KV_OVERRIDE_TYPE_STR;
        default:                return LLAMA_KV_OVERRIDE_TYPE_INT;
    }
}

}  // namespace

void model_metadata::tensor_deleter::operator()(ggml_context * context) const { ggml_free(context); }

model_metadata::model_metadata(const std::string & path, std::vector<llama_model_kv_override> overrides)
    : overrides_(std::move(overrides)) {
    ggml_context * tensors = nullptr;
    file_.reset(gguf_init_from_file(path.c_str(), {/* no_alloc = */ true, &tensors}));
    tensors_.reset(tensors);
    architecture_ = text("general.architecture").value_or("");
}

std::string model_metadata::whole_name(const std::string & key) const {
    return !key.empty() && key[0] == '.' ? architecture_ + key : key;
}

int64_t model_metadata::find(const std::string & key) const {
    return file_ ? gguf_find_key(file_.get(), whole_name(key).c_str()) : -1;
}

/// An override of another type than the file's entry is passed by, as llama.cpp does.
std::optional<double> model_metadata::overridden_number(const std::string & key) const {
    const int64_t id   = find(key);
    const auto    type = id < 0 ? GGUF_TYPE_COUNT : gguf_get_kv_type(file_.get(), id);
    for (const llama_model_kv_override & o : overrides_) {
        if (whole_name(key) == o.key && o.tag != LLAMA_KV_OVERRIDE_TYPE_STR &&
            (type == GGUF_TYPE_COUNT || o.tag == tag_of(type))) {
            return o.tag == LLAMA_KV_OVERRIDE_TYPE_INT     ? static_cast<double>(o.val_i64)
                   : o.tag == LLAMA_KV_OVERRIDE_TYPE_FLOAT ? o.val_f64
                                                           : static_cast<double>(o.val_bool);
        }
    }
    return std::nullopt;
}

std::optional<double> model_metadata::number(const std::string & key) const {
    if (const std::optional<double> overridden = overridden_number(key)) {
        return overridden;
    }
    const int64_t id = find(key);
    if (id < 0) {
        return std::nullopt;
    }
    const gguf_type type = gguf_get_kv_type(file_.get(), id);
    if (type == GGUF_TYPE_STRING) {
        return std::nullopt;
    }
    if (type != GGUF_TYPE_ARRAY) {
        return number_of(type, gguf_get_val_data(file_.get(), id), 0);
    }
    const gguf_type element = gguf_get_arr_type(file_.get(), id);
    if (element == GGUF_TYPE_STRING) {
        return std::nullopt;
    }
    std::optional<double> largest;
    for (size_t i = 0; i < gguf_get_arr_n(file_.get(), id); ++i) {
        largest = std::max(largest, number_of(element, gguf_get_arr_data(file_.get(), id), i));
    }
    return largest;
}

std::optional<std::string> model_metadata::text(const std::string & key) const {
    for (const llama_model_kv_override & o : overrides_) {
        if (whole_name(key) == o.key && o.tag == LLAMA_KV_OVERRIDE_TYPE_STR) {
            return std::string(o.val_str);
        }
    }
    const int64_t id = find(key);
    if (id < 0 || gguf_get_kv_type(file_.get(), id) != GGUF_TYPE_STRING) {
        return std::nullopt;
    }
    return std::string(gguf_get_val_str(file_.get(), id));
}

size_t model_metadata::length(const std::string & key) const {
    const int64_t id = find(key);
    return id >= 0 && gguf_get_kv_type(file_.get(), id) == GGUF_TYPE_ARRAY ? gguf_get_arr_n(file_.get(), id) : 0;
}

std::vector<std::string> model_metadata::tensors() const {
    std::vector<std::string> names;
    for (int64_t i = 0; file_ && i < gguf_get_n_tensors(file_.get()); ++i) {
        names.emplace_back(gguf_get_tensor_name(file_.get(), i));
    }
    return names;
}

bool model_metadata::has_tensor(const std::string & name) const {
    return file_ && gguf_find_tensor(file_.get(), name.c_str()) >= 0;
}

int64_t model_metadata::row_length(const std::string & tensor) const {
    const ggml_tensor * found = tensors_ ? ggml_get_tensor(tensors_.get(), tensor.c_str()) : nullptr;
    return found ? found->ne[0] : 0;
}

}  // namespace xllamacpp
