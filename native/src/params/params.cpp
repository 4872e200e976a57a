#include "xllamacpp/params.h"

#include "params/fields.h"
#include "params/native.h"
#include "params/rules.h"

#include <stdexcept>

namespace xllamacpp {

template <> common_params default_of<common_params>() {
    common_params value;
    // Several servers in one process, and tests, must not fight for one port.
    value.port = 0;
    return value;
}

template <> const structure_type & structure_of<common_params>() {
    static const auto all = make_structure<common_params>("common_params", [](auto & s) {
        describe_model(s);
        describe_context(s);
        describe_offload(s);
        describe_parts(s);
        describe_embedding(s);
        describe_multimodal(s);
        describe_chat(s);
        describe_server(s);
        describe_tools(s);
        describe_other_programs(s);
        describe_aliases(s);
    });
    return all;
}

std::vector<const structure_type *> structures() {
    return {&structure_of<common_params>(),
            &structure_of<common_params_model>(),
            &structure_of<common_adapter_lora_info>(),
            &structure_of<common_control_vector_load_info>(),
            &structure_of<llama_model_kv_override>(),
            &structure_of<llama_model_tensor_buft_override>(),
            &structure_of<common_cpu_params>(),
            &structure_of<common_params_sampling>(),
            &structure_of<common_grammar>(),
            &structure_of<common_grammar_trigger>(),
            &structure_of<llama_logit_bias>(),
            &structure_of<common_params_speculative>(),
            &structure_of<common_params_speculative_draft>(),
            &structure_of<common_params_speculative_ngram_map>(),
            &structure_of<common_params_speculative_ngram_mod>(),
            &structure_of<common_params_speculative_ngram_cache>(),
            &structure_of<common_params_diffusion>(),
            &structure_of<lr_opt>()};
}

params::params() : native_(std::make_unique<native>(native{default_of<common_params>()})) {}
params::~params() = default;
params::params(const params & other) : native_(std::make_unique<native>(*other.native_)) {}
params::params(params && other) noexcept             = default;
params & params::operator=(params && other) noexcept = default;

params & params::operator=(const params & other) {
    if (this != &other) {
        native_ = std::make_unique<native>(*other.native_);
    }
    return *this;
}

std::string params::get(const std::string & path) const {
    const part found = find_part(structure_of<common_params>(), &native_->value, path);
    return found.type->read(found.value).dump(-1, ' ', false, json::error_handler_t::replace);
}

void params::set(const std::string & path, const std::string & text) {
    const json given = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (given.is_discarded()) {
        throw parameter_error(path + ": the value is not JSON: " + text);
    }
    // On a copy, so that a value that turns out wrong halfway leaves nothing behind.
    auto changed = std::make_unique<native>(*native_);
    write_part(find_part(structure_of<common_params>(), &changed->value, path), given, path);
    native_ = std::move(changed);
}

void params::check() const { check_rules(native_->value); }

std::string params::print_sampling() const { return native_->value.sampling.print(); }

params::native &       params::get_native() { return *native_; }
const params::native & params::get_native() const { return *native_; }

}  // namespace xllamacpp
