#include "requests/adapters.h"

#include "params/fields.h"

#include <algorithm>

namespace xllamacpp {

namespace {

std::vector<float> scales_of(const common_params & params) {
    std::vector<float> scales;
    scales.reserve(params.lora_adapters.size());
    for (const common_adapter_lora_info & adapter : params.lora_adapters) {
        scales.push_back(params.lora_init_without_apply ? 0 : adapter.scale);
    }
    return scales;
}

/// The checks of the parameter of that name.
float read_scale(const json & given, const std::string & path) {
    common_adapter_lora_info scratch = default_of<common_adapter_lora_info>();
    structure_of<common_adapter_lora_info>().field_named("scale")->write(&scratch, given, path);
    return scratch.scale;
}

/// The scale of each of so many adapters, in the words of a request; `name` is what it calls them by.
std::vector<float> read_scales(const json & entries, const std::string & name, size_t count) {
    const std::string expected = R"(a list such as [{"id": 0, "scale": 0.5}])";
    if (!entries.is_array()) {
        refuse(name, entries, expected);
    }
    std::vector<float> scales(count, 0.0f);
    for (size_t i = 0; i < entries.size(); ++i) {
        const std::string path  = name + "." + std::to_string(i);
        const json &      entry = entries[i];
        if (!entry.is_object() || !entry.contains("id") || !entry.contains("scale")) {
            refuse(path, entry, R"(an adapter and its scale: {"id": 0, "scale": 0.5})");
        }
        const json & id = entry["id"];
        if (!id.is_number_integer() || id < 0 || id >= count) {
            refuse(path + ".id", id,
                   count == 0 ? "no adapter, since the server has none; load them with it (lora_adapters)"
                              : "one of the server's adapters, a number from 0 to " + std::to_string(count - 1));
        }
        scales[id.get<size_t>()] = read_scale(entry["scale"], path + ".scale");
    }
    return scales;
}

}  // namespace

adapter_scales::adapter_scales(const common_params & params)
    : count_(params.lora_adapters.size()), is_caching_(params.cache_prompt), scales_(scales_of(params)) {}

std::string adapter_scales::mend(const std::string & text) const {
    json body = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (!body.is_object()) {
        return text;  // llama.cpp says what is wrong with it.
    }
    const auto found = body.find("lora");
    const bool named = found != body.end() && !found->is_null() && !(found->is_array() && found->empty());
    if (count_ == 0 && !named) {
        return text;
    }
    std::vector<float> scales;
    if (named) {
        scales = read_scales(*found, "lora", count_);
    } else {
        const std::lock_guard<std::mutex> lock(mutex_);
        scales = scales_;
    }
    json entries = json::array();
    for (size_t i = 0; i < scales.size(); ++i) {
        entries.push_back({{"id", i}, {"scale", scales[i]}});
    }
    body["lora"] = entries;
    if (!body.contains("cache_prompt")) {
        body["cache_prompt"] = is_caching_;
    }
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

void adapter_scales::check(const std::string & body) const {
    read_scales(json::parse(body, nullptr, /* allow_exceptions = */ false), "lora-adapters", count_);
}

void adapter_scales::set(const std::string & body) {
    std::vector<float>                scales = read_scales(json::parse(body), "lora-adapters", count_);
    const std::lock_guard<std::mutex> lock(mutex_);
    scales_ = std::move(scales);
}

void prepare_adapters(common_params & params) {
    if (params.lora_adapters.empty()) {
        return;
    }
    if (params.lora_init_without_apply) {
        // llama.cpp's server applies them with the first request all the same.
        for (common_adapter_lora_info & adapter : params.lora_adapters) {
            adapter.scale = 0;
        }
    }
    // What is kept of other prompts is found by the prompt alone, and so is what a slot has cached where a request
    // names no scales: mend() does, in all that can carry them.
    params.cache_ram_mib = 0;
    params.cache_prompt  = false;
}

}  // namespace xllamacpp
