// The enumerations of llama.cpp that a caller can meet, with every enumerator.
#include "params/enums.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "common.h"
#include "ggml-opt.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#define VALUE(enumerator) {#enumerator, enumerator}
#define COUNT(enumerator) {#enumerator, enumerator, true}

namespace xllamacpp {

const std::vector<enumeration> & enumerations() {
    static const std::vector<enumeration> all = {
        {"llama_rope_scaling_type",
         {VALUE(LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED), VALUE(LLAMA_ROPE_SCALING_TYPE_NONE),
          VALUE(LLAMA_ROPE_SCALING_TYPE_LINEAR), VALUE(LLAMA_ROPE_SCALING_TYPE_YARN),
          VALUE(LLAMA_ROPE_SCALING_TYPE_LONGROPE), COUNT(LLAMA_ROPE_SCALING_TYPE_MAX_VALUE)}},
        {"llama_pooling_type",
         {VALUE(LLAMA_POOLING_TYPE_UNSPECIFIED), VALUE(LLAMA_POOLING_TYPE_NONE), VALUE(LLAMA_POOLING_TYPE_MEAN),
          VALUE(LLAMA_POOLING_TYPE_CLS), VALUE(LLAMA_POOLING_TYPE_LAST), VALUE(LLAMA_POOLING_TYPE_RANK)}},
        {"llama_attention_type",
         {VALUE(LLAMA_ATTENTION_TYPE_UNSPECIFIED), VALUE(LLAMA_ATTENTION_TYPE_CAUSAL),
          VALUE(LLAMA_ATTENTION_TYPE_NON_CAUSAL)}},
        {"llama_flash_attn_type",
         {VALUE(LLAMA_FLASH_ATTN_TYPE_AUTO), VALUE(LLAMA_FLASH_ATTN_TYPE_DISABLED),
          VALUE(LLAMA_FLASH_ATTN_TYPE_ENABLED)}},
        {"llama_split_mode",
         {VALUE(LLAMA_SPLIT_MODE_NONE), VALUE(LLAMA_SPLIT_MODE_LAYER), VALUE(LLAMA_SPLIT_MODE_ROW),
          VALUE(LLAMA_SPLIT_MODE_TENSOR)}},
        {"llama_load_mode",
         {VALUE(LLAMA_LOAD_MODE_AUTO), VALUE(LLAMA_LOAD_MODE_NONE), VALUE(LLAMA_LOAD_MODE_MMAP),
          VALUE(LLAMA_LOAD_MODE_MLOCK), VALUE(LLAMA_LOAD_MODE_MMAP_MLOCK), VALUE(LLAMA_LOAD_MODE_DIRECT_IO)}},
        {"llama_lazy_mode", {VALUE(LLAMA_LAZY_MODE_OFF), VALUE(LLAMA_LAZY_MODE_AUTO), VALUE(LLAMA_LAZY_MODE_ON)}},
        {"llama_context_type", {VALUE(LLAMA_CONTEXT_TYPE_DEFAULT), VALUE(LLAMA_CONTEXT_TYPE_MTP)}},
        {"llama_model_kv_override_type",
         {VALUE(LLAMA_KV_OVERRIDE_TYPE_INT), VALUE(LLAMA_KV_OVERRIDE_TYPE_FLOAT), VALUE(LLAMA_KV_OVERRIDE_TYPE_BOOL),
          VALUE(LLAMA_KV_OVERRIDE_TYPE_STR)}},
        {"ggml_type",
         {VALUE(GGML_TYPE_F32),     VALUE(GGML_TYPE_F16),    VALUE(GGML_TYPE_Q4_0),    VALUE(GGML_TYPE_Q4_1),
          VALUE(GGML_TYPE_Q5_0),    VALUE(GGML_TYPE_Q5_1),   VALUE(GGML_TYPE_Q8_0),    VALUE(GGML_TYPE_Q8_1),
          VALUE(GGML_TYPE_Q2_K),    VALUE(GGML_TYPE_Q3_K),   VALUE(GGML_TYPE_Q4_K),    VALUE(GGML_TYPE_Q5_K),
          VALUE(GGML_TYPE_Q6_K),    VALUE(GGML_TYPE_Q8_K),   VALUE(GGML_TYPE_IQ2_XXS), VALUE(GGML_TYPE_IQ2_XS),
          VALUE(GGML_TYPE_IQ3_XXS), VALUE(GGML_TYPE_IQ1_S),  VALUE(GGML_TYPE_IQ4_NL),  VALUE(GGML_TYPE_IQ3_S),
          VALUE(GGML_TYPE_IQ2_S),   VALUE(GGML_TYPE_IQ4_XS), VALUE(GGML_TYPE_I8),      VALUE(GGML_TYPE_I16),
          VALUE(GGML_TYPE_I32),     VALUE(GGML_TYPE_I64),    VALUE(GGML_TYPE_F64),     VALUE(GGML_TYPE_IQ1_M),
          VALUE(GGML_TYPE_BF16),    VALUE(GGML_TYPE_TQ1_0),  VALUE(GGML_TYPE_TQ2_0),   VALUE(GGML_TYPE_MXFP4),
          VALUE(GGML_TYPE_NVFP4),   VALUE(GGML_TYPE_Q1_0),   VALUE(GGML_TYPE_Q2_0),    COUNT(GGML_TYPE_COUNT)}},
        {"ggml_numa_strategy",
         {VALUE(GGML_NUMA_STRATEGY_DISABLED), VALUE(GGML_NUMA_STRATEGY_DISTRIBUTE), VALUE(GGML_NUMA_STRATEGY_ISOLATE),
          VALUE(GGML_NUMA_STRATEGY_NUMACTL), VALUE(GGML_NUMA_STRATEGY_MIRROR), COUNT(GGML_NUMA_STRATEGY_COUNT)}},
        {"ggml_sched_priority",
         {VALUE(GGML_SCHED_PRIO_LOW), VALUE(GGML_SCHED_PRIO_NORMAL), VALUE(GGML_SCHED_PRIO_MEDIUM),
          VALUE(GGML_SCHED_PRIO_HIGH), VALUE(GGML_SCHED_PRIO_REALTIME)}},
        {"ggml_backend_dev_type",
         {VALUE(GGML_BACKEND_DEVICE_TYPE_CPU), VALUE(GGML_BACKEND_DEVICE_TYPE_GPU),
          VALUE(GGML_BACKEND_DEVICE_TYPE_IGPU), VALUE(GGML_BACKEND_DEVICE_TYPE_ACCEL),
          VALUE(GGML_BACKEND_DEVICE_TYPE_META)}},
        {"ggml_opt_optimizer_type",
         {VALUE(GGML_OPT_OPTIMIZER_TYPE_ADAMW), VALUE(GGML_OPT_OPTIMIZER_TYPE_SGD),
          COUNT(GGML_OPT_OPTIMIZER_TYPE_COUNT)}},
        {"common_sampler_type",
         {VALUE(COMMON_SAMPLER_TYPE_NONE), VALUE(COMMON_SAMPLER_TYPE_DRY), VALUE(COMMON_SAMPLER_TYPE_TOP_K),
          VALUE(COMMON_SAMPLER_TYPE_TOP_P), VALUE(COMMON_SAMPLER_TYPE_MIN_P), VALUE(COMMON_SAMPLER_TYPE_TYPICAL_P),
          VALUE(COMMON_SAMPLER_TYPE_TEMPERATURE), VALUE(COMMON_SAMPLER_TYPE_XTC), VALUE(COMMON_SAMPLER_TYPE_INFILL),
          VALUE(COMMON_SAMPLER_TYPE_PENALTIES), VALUE(COMMON_SAMPLER_TYPE_TOP_N_SIGMA),
          VALUE(COMMON_SAMPLER_TYPE_ADAPTIVE_P)}},
        {"common_params_sampling_config",
         {VALUE(COMMON_PARAMS_SAMPLING_CONFIG_SAMPLERS), VALUE(COMMON_PARAMS_SAMPLING_CONFIG_TOP_K),
          VALUE(COMMON_PARAMS_SAMPLING_CONFIG_TOP_P), VALUE(COMMON_PARAMS_SAMPLING_CONFIG_MIN_P),
          VALUE(COMMON_PARAMS_SAMPLING_CONFIG_XTC_PROBABILITY), VALUE(COMMON_PARAMS_SAMPLING_CONFIG_XTC_THRESHOLD),
          VALUE(COMMON_PARAMS_SAMPLING_CONFIG_TEMP), VALUE(COMMON_PARAMS_SAMPLING_CONFIG_PENALTY_LAST_N),
          VALUE(COMMON_PARAMS_SAMPLING_CONFIG_PENALTY_REPEAT), VALUE(COMMON_PARAMS_SAMPLING_CONFIG_MIROSTAT),
          VALUE(COMMON_PARAMS_SAMPLING_CONFIG_MIROSTAT_TAU), VALUE(COMMON_PARAMS_SAMPLING_CONFIG_MIROSTAT_ETA)}},
        {"common_grammar_type",
         {VALUE(COMMON_GRAMMAR_TYPE_NONE), VALUE(COMMON_GRAMMAR_TYPE_USER), VALUE(COMMON_GRAMMAR_TYPE_OUTPUT_FORMAT),
          VALUE(COMMON_GRAMMAR_TYPE_TOOL_CALLS)}},
        {"common_grammar_trigger_type",
         {VALUE(COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN), VALUE(COMMON_GRAMMAR_TRIGGER_TYPE_WORD),
          VALUE(COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN), VALUE(COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL)}},
        {"common_speculative_type",
         {VALUE(COMMON_SPECULATIVE_TYPE_NONE), VALUE(COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE),
          VALUE(COMMON_SPECULATIVE_TYPE_DRAFT_EAGLE3), VALUE(COMMON_SPECULATIVE_TYPE_DRAFT_MTP),
          VALUE(COMMON_SPECULATIVE_TYPE_DRAFT_DFLASH), VALUE(COMMON_SPECULATIVE_TYPE_DRAFT_DSPARK),
          VALUE(COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE), VALUE(COMMON_SPECULATIVE_TYPE_NGRAM_MAP_K),
          VALUE(COMMON_SPECULATIVE_TYPE_NGRAM_MAP_K4V), VALUE(COMMON_SPECULATIVE_TYPE_NGRAM_MOD),
          VALUE(COMMON_SPECULATIVE_TYPE_NGRAM_CACHE), COUNT(COMMON_SPECULATIVE_TYPE_COUNT)}},
        {"common_reasoning_format",
         {VALUE(COMMON_REASONING_FORMAT_NONE), VALUE(COMMON_REASONING_FORMAT_AUTO),
          VALUE(COMMON_REASONING_FORMAT_DEEPSEEK_LEGACY), VALUE(COMMON_REASONING_FORMAT_DEEPSEEK)}},
        {"common_conversation_mode",
         {VALUE(COMMON_CONVERSATION_MODE_DISABLED), VALUE(COMMON_CONVERSATION_MODE_ENABLED),
          VALUE(COMMON_CONVERSATION_MODE_AUTO)}},
        {"dimre_method", {VALUE(DIMRE_METHOD_PCA), VALUE(DIMRE_METHOD_MEAN)}},
    };
    return all;
}

const enumeration & enumeration_named(const std::string & name) {
    const std::vector<enumeration> & all = enumerations();
    const auto found = std::find_if(all.begin(), all.end(), [&](const enumeration & e) { return e.name == name; });
    if (found == all.end()) {
        throw std::logic_error("the table has no enumeration " + name);
    }
    return *found;
}

const std::vector<enumerator> & constants() {
    static const std::vector<enumerator> all = {
        VALUE(GGML_DEFAULT_N_THREADS), VALUE(GGML_MAX_DIMS),         VALUE(GGML_MAX_NAME),
        VALUE(GGML_MAX_N_THREADS),     VALUE(GGML_MAX_OP_PARAMS),    VALUE(GGML_MAX_SRC),
        VALUE(GGML_ROPE_TYPE_NORMAL),  VALUE(GGML_ROPE_TYPE_NEOX),   VALUE(GGML_ROPE_TYPE_MROPE),
        VALUE(GGML_ROPE_TYPE_VISION),  VALUE(GGML_ROPE_TYPE_IMROPE), VALUE(LLAMA_DEFAULT_SEED)};
    return all;
}

size_t enumeration::prefix_length() const {
    const std::string first  = values.front().name;
    size_t            common = first.size();
    for (const enumerator & e : values) {
        const std::string other = e.name;
        const auto        end   = first.begin() + static_cast<std::ptrdiff_t>(std::min(common, other.size()));
        common = static_cast<size_t>(std::mismatch(first.begin(), end, other.begin()).first - first.begin());
    }
    return first.rfind('_', common - 1) + 1;
}

std::string enumeration::short_name(const enumerator & e) const {
    std::string shortened = std::string(e.name).substr(prefix_length());
    std::transform(shortened.begin(), shortened.end(), shortened.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return shortened;
}

const enumerator * enumeration::by_name(const std::string & wanted) const {
    std::string plain = wanted;
    std::transform(plain.begin(), plain.end(), plain.begin(),
                   [](unsigned char c) { return c == '-' ? '_' : std::tolower(c); });
    const auto found = std::find_if(values.begin(), values.end(),
                                    [&](const enumerator & e) { return e.name == wanted || short_name(e) == plain; });
    return found == values.end() ? nullptr : &*found;
}

const enumerator * enumeration::by_value(int64_t value) const {
    const auto found =
        std::find_if(values.begin(), values.end(), [&](const enumerator & e) { return e.value == value; });
    return found == values.end() ? nullptr : &*found;
}

std::string enumeration::names() const {
    std::string text;
    for (const enumerator & e : values) {
        if (!e.is_count) {
            text += (text.empty() ? "" : ", ") + std::string(e.name);
        }
    }
    return text;
}

int64_t read_enumerator(const enumeration & e, const json & given, const std::string & path) {
    const enumerator * found = nullptr;
    if (given.is_string()) {
        found = e.by_name(given.get<std::string>());
    } else if (given.is_number_integer()) {
        found = e.by_value(given.get<int64_t>());
    }
    if (!found || found->is_count) {
        std::vector<std::string> known;
        for (const enumerator & value : e.values) {
            known.push_back(e.short_name(value));
            known.emplace_back(value.name);
        }
        const std::string nearest = given.is_string() ? nearest_name(given.get<std::string>(), known) : "";
        refuse(path, given, "one of " + e.names(), nearest);
    }
    return found->value;
}

// "enum", since llama.cpp has functions of the same names.
#define NAME(enumeration)                                                                                              \
    template <> const char * name_of<enum enumeration>() { return #enumeration; }

NAME(llama_rope_scaling_type)
NAME(llama_pooling_type)
NAME(llama_attention_type)
NAME(llama_flash_attn_type)
NAME(llama_split_mode)
NAME(llama_load_mode)
NAME(llama_lazy_mode)
NAME(llama_model_kv_override_type)
NAME(ggml_type)
NAME(ggml_numa_strategy)
NAME(ggml_sched_priority)
NAME(ggml_opt_optimizer_type)
NAME(common_sampler_type)
NAME(common_grammar_type)
NAME(common_grammar_trigger_type)
NAME(common_speculative_type)
NAME(common_reasoning_format)
NAME(common_conversation_mode)
NAME(dimre_method)

}  // namespace xllamacpp
