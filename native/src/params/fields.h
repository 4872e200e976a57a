// The rows of common_params, in the parts that its reference is divided into; each part has a file of its own.
#pragma once

#include "params/attributes.h"
#include "params/devices.h"
#include "params/table.h"

// A member's name and the member, so that the two cannot differ. `self` is the structure at hand.
#define FIELD(member) #member, &self::member

namespace xllamacpp {

/// The types that a cache can have; with another one, llama.cpp would abort or crash.
std::vector<int64_t> cache_types();

void describe_model(structure<common_params> & s);
void describe_multimodal(structure<common_params> & s);
void describe_context(structure<common_params> & s);
void describe_offload(structure<common_params> & s);
void describe_parts(structure<common_params> & s);
void describe_embedding(structure<common_params> & s);
void describe_server(structure<common_params> & s);
void describe_chat(structure<common_params> & s);
void describe_tools(structure<common_params> & s);
void describe_other_programs(structure<common_params> & s);
void describe_aliases(structure<common_params> & s);
void describe_aliases(structure<common_params_speculative> & s);

template <> const structure_type & structure_of<common_params>();
template <> const structure_type & structure_of<common_params_model>();
template <> const structure_type & structure_of<common_cpu_params>();
template <> const structure_type & structure_of<common_adapter_lora_info>();
template <> const structure_type & structure_of<common_control_vector_load_info>();
template <> const structure_type & structure_of<llama_model_kv_override>();
template <> const structure_type & structure_of<llama_model_tensor_buft_override>();
template <> const structure_type & structure_of<common_params_sampling>();
template <> const structure_type & structure_of<common_grammar>();
template <> const structure_type & structure_of<common_grammar_trigger>();
template <> const structure_type & structure_of<llama_logit_bias>();
template <> const structure_type & structure_of<common_params_speculative>();
template <> const structure_type & structure_of<common_params_speculative_draft>();
template <> const structure_type & structure_of<common_params_speculative_ngram_mod>();
template <> const structure_type & structure_of<common_params_speculative_ngram_map>();
template <> const structure_type & structure_of<common_params_speculative_ngram_cache>();
template <> const structure_type & structure_of<common_params_diffusion>();
template <> const structure_type & structure_of<lr_opt>();

template <> common_params                    default_of<common_params>();
template <> common_adapter_lora_info         default_of<common_adapter_lora_info>();
template <> common_control_vector_load_info  default_of<common_control_vector_load_info>();
template <> llama_model_kv_override          default_of<llama_model_kv_override>();
template <> llama_model_tensor_buft_override default_of<llama_model_tensor_buft_override>();

/// A structure of this name, with the rows that `describe` writes.
template <class S> structure<S> make_structure(const char * name, void (*describe)(structure<S> &)) {
    structure<S> s;
    s.name = name;
    describe(s);
    return s;
}

}  // namespace xllamacpp
