#include "params/rules.h"

#include "params/fields.h"

#include "llama.h"
#include "speculative.h"

#include <algorithm>
#include <climits>
#include <regex>
#include <stdexcept>

namespace xllamacpp {

namespace {

using parameters = common_params;

// llama.cpp crashes where it shifts the context of a slot that holds a few tokens only.
constexpr int32_t smallest_slot = 32;

bool drafts_with(const parameters & p, common_speculative_type type) {
    return std::count(p.speculative.types.begin(), p.speculative.types.end(), type) > 0;
}

bool drafts_at_all(const parameters & p) {
    return p.speculative.has_dft() ||
           std::any_of(p.speculative.types.begin(), p.speculative.types.end(),
                       [](common_speculative_type type) { return type != COMMON_SPECULATIVE_TYPE_NONE; });
}

bool samples_with(const parameters & p, common_sampler_type type) {
    return std::count(p.sampling.samplers.begin(), p.sampling.samplers.end(), type) > 0;
}

int64_t slots(const parameters & p) { return p.n_parallel < 0 ? 4 : p.n_parallel; }

/// What sees its whole text at once is computed in one piece: prepare() makes the batches equal.
bool is_computed_at_once(const parameters & p) {
    return p.embedding || p.attention_type == LLAMA_ATTENTION_TYPE_NON_CAUSAL;
}

int64_t batch(const parameters & p) {
    const int64_t computed = is_computed_at_once(p) ? std::min(p.n_batch, p.n_ubatch) : p.n_batch;
    // llama.cpp takes no batch that is larger than the context.
    return p.n_ctx > 0 ? std::min<int64_t>(computed, p.n_ctx) : computed;
}

int64_t longest_draft(const parameters & p) {
    const int64_t by_types = common_speculative_n_max(&p.speculative);
    // prepare() makes a draft model draft.
    return p.speculative.has_dft() ? std::max<int64_t>(by_types, p.speculative.draft.n_max) : by_types;
}

bool is_out(int64_t value, int64_t low, int64_t high) { return value < low || value > high; }

const char * const infill_advice = "INFILL compares every two tokens that are left, which takes minutes for a whole "
                                   "vocabulary; put TOP_K before it, and set top_k to 1000 or less";

bool lets_infill_see_all(const common_params_sampling & sampling) {
    const auto & all    = sampling.samplers;
    const auto   infill = std::find(all.begin(), all.end(), COMMON_SAMPLER_TYPE_INFILL);
    const bool   is_cut = std::find(all.begin(), infill, COMMON_SAMPLER_TYPE_TOP_K) != infill;
    return infill != all.end() && (!is_cut || is_out(sampling.top_k, 1, 1000));
}

bool is_on_cpu(const parameters & p) { return p.no_kv_offload || p.n_gpu_layers == 0 || !llama_supports_gpu_offload(); }

bool is_socket(const std::string & host) { return host.size() > 5 && host.compare(host.size() - 5, 5, ".sock") == 0; }

bool is_prefix(const std::string & text) {
    static const std::regex path("(/[A-Za-z0-9._~-]+)*");
    return std::regex_match(text, path);
}

bool ends_with(const std::string & text, const std::string & ending) {
    return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

/// What an override may put in place of an entry that ends like this.
struct override_limit {
    const char * ending;
    bool (*is_possible)(const llama_model_kv_override & o);
};

bool is_never(const llama_model_kv_override &) { return false; }

bool is_whole(const llama_model_kv_override & o, int64_t low, int64_t high) {
    return o.tag != LLAMA_KV_OVERRIDE_TYPE_INT || !is_out(o.val_i64, low, high);
}

constexpr override_limit override_limits[] = {
    // How the weights are laid out.
    {".block_count", is_never},
    {".expert_count", is_never},
    {".expert_group_count", is_never},
    {".expert_group_used_count", is_never},
    {".nextn_predict_layers", is_never},
    {"bert.attention.key_length", is_never},
    {"bert.attention.value_length", is_never},
    {".context_length", [](const llama_model_kv_override & o) { return is_whole(o, smallest_slot, INT_MAX); }},
    {".pooling_type", [](const llama_model_kv_override & o) { return is_whole(o, 0, LLAMA_POOLING_TYPE_RANK); }},
    {"epsilon",
     [](const llama_model_kv_override & o) { return o.tag != LLAMA_KV_OVERRIDE_TYPE_FLOAT || o.val_f64 >= 0; }},
    {".rope.scaling.type",
     [](const llama_model_kv_override & o) {
         const std::string type = o.tag == LLAMA_KV_OVERRIDE_TYPE_STR ? o.val_str : "none";
         return type == "none" || type == "linear" || type == "yarn" || type == "longrope";
     }},
};

bool is_possible(const llama_model_kv_override & o) {
    return std::all_of(std::begin(override_limits), std::end(override_limits), [&](const override_limit & limit) {
        return !ends_with(o.key, limit.ending) || limit.is_possible(o);
    });
}

std::vector<rule> rules_of_batches() {
    return {
        {{"n_ctx"},
         [](const parameters & p) { return p.n_ctx == 1; },
         "a context of one token has no room for an answer; set n_ctx to 0 (the model's own), or to the tokens of "
         "prompt and answer together"},
        {{"embedding", "n_ubatch"},
         [](const parameters & p) { return is_computed_at_once(p) && p.n_ubatch < 2; },
         "a text that is seen at once has to fit into n_ubatch; set n_ubatch to at least the longest text's tokens"},
        {{"n_batch", "n_ubatch", "n_parallel"},
         [](const parameters & p) {
             return (is_computed_at_once(p) ? std::min(p.n_batch, p.n_ubatch) : p.n_batch) < slots(p);
         },
         "every slot needs its place in a batch (n_parallel=-1 is 4 slots); set n_batch, and for embeddings n_ubatch, "
         "to at least the number of slots"},
        {{"n_batch", "n_ctx", "n_parallel", "speculative.types"},
         [](const parameters & p) {
             return drafts_at_all(p) && slots(p) * (1 + longest_draft(p)) > std::max(batch(p), slots(p));
         },
         "the drafts of all slots have to fit into one batch, which n_ctx bounds too; set n_batch and n_ctx to at "
         "least n_parallel x (1 + the longest draft), or shorten the draft: speculative.draft.n_max, the n-grams' "
         "size_m or n_max"},
        {{"kv_unified_per_slot"},
         [](const parameters & p) { return p.kv_unified_per_slot > 0 && p.kv_unified_per_slot < smallest_slot; },
         "a slot that small has no room for prompt and answer; set it to 0 (no limit), or to at least 32 tokens"},
        {{"kv_unified_per_slot", "n_parallel"},
         [](const parameters & p) { return p.n_ctx == 0 && slots(p) * p.kv_unified_per_slot > INT_MAX; },
         "the slots need a larger context together than there can be; lower one of the two"},
    };
}

std::vector<rule> rules_of_caches() {
    return {
        {{"cache_type_v", "flash_attn_type"},
         [](const parameters & p) {
             return ggml_is_quantized(p.cache_type_v) && p.flash_attn_type == LLAMA_FLASH_ATTN_TYPE_DISABLED;
         },
         "quantized values in the cache need flash attention; set flash_attn_type to ENABLED or AUTO, or cache_type_v "
         "to GGML_TYPE_F16"},
        {{"speculative.draft.cache_type_v", "flash_attn_type"},
         [](const parameters & p) {
             return p.speculative.has_dft() && ggml_is_quantized(p.speculative.draft.cache_type_v) &&
                    p.flash_attn_type == LLAMA_FLASH_ATTN_TYPE_DISABLED;
         },
         "quantized values in the draft's cache need flash attention; set flash_attn_type to ENABLED or AUTO, or "
         "speculative.draft.cache_type_v to GGML_TYPE_F16"},
        {{"cache_type_k", "ctx_shift", "n_cache_reuse"},
         [](const parameters & p) {
             return p.cache_type_k == GGML_TYPE_BF16 && (p.ctx_shift || p.n_cache_reuse > 0) && is_on_cpu(p);
         },
         "on the CPU, keys of type BF16 cannot be moved; set cache_type_k to GGML_TYPE_F16, or turn ctx_shift and "
         "n_cache_reuse off"},
        {{"no_alloc"},
         [](const parameters & p) { return p.no_alloc; },
         "a server needs the weights in memory; set no_alloc to False"},
    };
}

std::vector<rule> rules_of_sampling() {
    return {
        {{"sampling.samplers"},
         [](const parameters & p) { return samples_with(p, COMMON_SAMPLER_TYPE_NONE); },
         "NONE is no sampler; leave it out (an empty list is possible)"},
        {{"sampling.samplers", "sampling.top_k"},
         [](const parameters & p) { return lets_infill_see_all(p.sampling); },
         infill_advice},
        {{"sampling.dry_sequence_breakers"},
         [](const parameters & p) { return p.sampling.dry_sequence_breakers.size() > most_sequence_breakers; },
         "each breaker is looked up in the whole vocabulary for every request; set 256 or fewer"},
    };
}

std::vector<rule> rules_of_drafting() {
    return {
        {{"speculative.types", "speculative.draft.mparams.path"},
         [](const parameters & p) {
             return !p.speculative.has_dft() && (drafts_with(p, COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE) ||
                                                 drafts_with(p, COMMON_SPECULATIVE_TYPE_DRAFT_EAGLE3) ||
                                                 drafts_with(p, COMMON_SPECULATIVE_TYPE_DRAFT_DFLASH) ||
                                                 drafts_with(p, COMMON_SPECULATIVE_TYPE_DRAFT_DSPARK));
         },
         "this way to draft needs a draft model; set speculative.draft.mparams.path, or take an n-gram type"},
        {{"speculative.types", "ctx_shift"},
         [](const parameters & p) {
             return p.ctx_shift && (drafts_with(p, COMMON_SPECULATIVE_TYPE_NGRAM_MAP_K) ||
                                    drafts_with(p, COMMON_SPECULATIVE_TYPE_NGRAM_MAP_K4V));
         },
         "these n-gram maps do not follow a context that shifts; turn ctx_shift off, or take NGRAM_SIMPLE or "
         "NGRAM_MOD"},
        {{"speculative.synth_len", "speculative.synth_rates"},
         [](const parameters & p) {
             return p.speculative.has_synth() &&
                    (!drafts_at_all(p) || (p.speculative.synth_len != -1.0 && !p.speculative.synth_rates.empty()));
         },
         "a measurement with made-up acceptance needs something that drafts, and one of the two alone; set "
         "speculative.types, or leave both at their defaults"},
    };
}

std::vector<rule> rules_of_models() {
    return {
        {{"kv_overrides"},
         [](const parameters & p) { return !std::all_of(p.kv_overrides.begin(), p.kv_overrides.end(), is_possible); },
         "the layout of the weights cannot be overridden (block_count, expert_count, expert groups, "
         "nextn_predict_layers, the heads of a BERT), and the rest has to make sense: context_length at least 32, "
         "pooling_type 0 to 4, no negative epsilon, rope.scaling.type none, linear, yarn or longrope; leave the entry "
         "as the model's file has it"},
        {{"control_vector_layer_start", "control_vector_layer_end"},
         [](const parameters & p) {
             return p.control_vector_layer_end > 0 && p.control_vector_layer_start > p.control_vector_layer_end;
         },
         "no layer is between the two; the first must not be above the last"},
        {{"image_min_tokens", "image_max_tokens"},
         [](const parameters & p) { return p.image_max_tokens > 0 && p.image_min_tokens > p.image_max_tokens; },
         "no size of an image is between the two; the least must not be above the most"},
        {{"cpuparams.mask_valid", "cpuparams.cpumask"},
         [](const parameters & p) {
             const auto is_empty = [](const common_cpu_params & cpu) {
                 return cpu.mask_valid &&
                        std::none_of(std::begin(cpu.cpumask), std::end(cpu.cpumask), [](bool b) { return b; });
             };
             return is_empty(p.cpuparams) || is_empty(p.cpuparams_batch);
         },
         "the mask has no CPU in it; set the ones to use in cpumask, or mask_valid to False"},
    };
}

std::vector<rule> rules_of_servers() {
    return {
        {{"hostnames", "port"},
         [](const parameters & p) {
             return p.port == 0 && std::count_if(p.hostnames.begin(), p.hostnames.end(),
                                                 [](const std::string & host) { return !is_socket(host); }) > 1;
         },
         "several addresses cannot share a port that nobody has chosen yet; set port"},
        {{"hostnames"},
         [](const parameters & p) {
             return std::any_of(p.hostnames.begin(), p.hostnames.end(),
                                [](const std::string & host) { return is_socket(host) && host.size() > 107; });
         },
         "the path of a socket can have 107 bytes at most; take a shorter one"},
        {{"api_prefix"},
         [](const parameters & p) { return !is_prefix(p.api_prefix); },
         "no path would begin with it; set it to something like \"/llm\": a slash before every part, and none at the "
         "end"},
        {{"ssl_file_key", "ssl_file_cert"},
         [](const parameters & p) { return p.ssl_file_key.empty() != p.ssl_file_cert.empty(); },
         "the two belong together; set both for HTTPS, or neither"},
    };
}

/// A value with the names of its enumerators.
json with_names(const json & value, const json & type) {
    if (value.is_array()) {
        json names = json::array();
        for (const json & one : value) {
            names.push_back(with_names(one, type.at("of")));
        }
        return names;
    }
    if (type.at("kind") != "enum") {
        return value;
    }
    const enumeration & all   = enumeration_named(type.at("name").get<std::string>());
    const enumerator *  found = all.by_value(value.get<int64_t>());
    return found ? json(all.short_name(*found)) : value;
}

std::string text_of(const parameters & p, const char * path) {
    const part found = find_part(structure_of<common_params>(), const_cast<parameters *>(&p), path);
    const json value = found.type->read(found.value);
    // A list of hundreds says no more than that it is long.
    return std::string(path) + "=" + (value.size() > 16 ? "[...]" : with_names(value, found.type->describe()).dump());
}

}  // namespace

const std::vector<rule> & rules() {
    static const std::vector<rule> all = [] {
        std::vector<rule> joined;
        for (const auto & some : {rules_of_batches(), rules_of_caches(), rules_of_sampling(), rules_of_drafting(),
                                  rules_of_models(), rules_of_servers()}) {
            joined.insert(joined.end(), some.begin(), some.end());
        }
        return joined;
    }();
    return all;
}

void check_samplers(const common_params_sampling & sampling) {
    if (lets_infill_see_all(sampling)) {
        throw parameter_error(std::string("samplers: ") + infill_advice);
    }
}

void check_rules(const parameters & p) {
    for (const rule & r : rules()) {
        if (r.is_broken(p)) {
            std::string values;
            for (const char * path : r.fields) {
                values += (values.empty() ? "" : ", ") + text_of(p, path);
            }
            throw parameter_error(values + ": " + r.advice);
        }
    }
}

}  // namespace xllamacpp
