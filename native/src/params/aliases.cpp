// Names that llama.cpp has moved or dropped since, and that people still write. Each stands for a field of today.
#include "params/fields.h"

#include <algorithm>

namespace xllamacpp {

namespace {

// llama.cpp had three switches for how a model's file gets into memory, and has one choice of six ways now. The names
// below are those ways by what the old switches would have said of each; AUTO maps the file where that helps.

bool is_mapped(const common_params & p) {
    return p.load_mode == LLAMA_LOAD_MODE_AUTO || p.load_mode == LLAMA_LOAD_MODE_MMAP ||
           p.load_mode == LLAMA_LOAD_MODE_MMAP_MLOCK;
}

bool is_locked(const common_params & p) {
    return p.load_mode == LLAMA_LOAD_MODE_MLOCK || p.load_mode == LLAMA_LOAD_MODE_MMAP_MLOCK;
}

void set_load_mode(common_params & p, bool mapped, bool locked) {
    p.load_mode = mapped ? (locked ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MMAP)
                         : (locked ? LLAMA_LOAD_MODE_MLOCK : LLAMA_LOAD_MODE_NONE);
}

void describe_load_aliases(structure<common_params> & s) {
    using self = common_params;
    s.alias<bool>(
        "use_mmap", "load_mode", is_mapped,
        [](self & p, const bool & wanted) {
            if (wanted != is_mapped(p)) {
                set_load_mode(p, wanted, is_locked(p));
            }
        },
        "Whether `load_mode` maps the file into memory. True for AUTO, which maps it where that helps.",
        meaning::changed);
    s.alias<bool>(
        "use_mlock", "load_mode", is_locked,
        [](self & p, const bool & wanted) {
            if (wanted != is_locked(p)) {
                set_load_mode(p, is_mapped(p), wanted);
            }
        },
        "Whether `load_mode` keeps the model from being swapped out.", meaning::changed);
    s.alias<bool>(
        "use_direct_io", "load_mode", [](const self & p) { return p.load_mode == LLAMA_LOAD_MODE_DIRECT_IO; },
        [](self & p, const bool & wanted) {
            if (wanted != (p.load_mode == LLAMA_LOAD_MODE_DIRECT_IO)) {
                p.load_mode = wanted ? LLAMA_LOAD_MODE_DIRECT_IO : LLAMA_LOAD_MODE_AUTO;
            }
        },
        "Whether `load_mode` reads the file past the system's cache.", meaning::changed);
}

}  // namespace

void describe_aliases(structure<common_params> & s) {
    using self = common_params;
    s.alias<bool>(
        "reranking", "embedding, pooling_type",
        [](const self & p) { return p.embedding && p.pooling_type == LLAMA_POOLING_TYPE_RANK; },
        [](self & p, const bool & wanted) {
            const bool is_on = p.embedding && p.pooling_type == LLAMA_POOLING_TYPE_RANK;
            if (wanted != is_on) {
                p.embedding    = wanted;
                p.pooling_type = wanted ? LLAMA_POOLING_TYPE_RANK : LLAMA_POOLING_TYPE_UNSPECIFIED;
            }
        },
        "Ranks documents: `embedding` with the pooling type RANK. False turns both off again where they were on.");
    s.alias("reasoning_budget", {"sampling.reasoning_budget_tokens"},
            "Older name of `sampling.reasoning_budget_tokens`.");
    s.alias<std::string>(
        "hostname", "hostnames",
        [](const self & p) { return p.hostnames.empty() ? std::string() : p.hostnames.front(); },
        [](self & p, const std::string & address) { p.hostnames = {address}; },
        "The only address to listen on. Reads as the first of `hostnames`, and takes the place of all of them.",
        meaning::changed);
    s.alias("webui", {"ui"}, "Older name of `ui`.");
    s.alias("webui_config_json", {"ui_config_json"}, "Older name of `ui_config_json`.");
    s.alias("webui_mcp_proxy", {"ui_mcp_proxy"}, "Older name of `ui_mcp_proxy`.");
    describe_load_aliases(s);
}

void describe_aliases(structure<common_params_speculative> & s) {
    using self = common_params_speculative;
    s.alias("mparams_dft", {"draft.mparams"}, "Older name of `draft.mparams`.");
    s.alias("n_max", {"draft.n_max"}, "Older name of `draft.n_max`.");
    s.alias("n_min", {"draft.n_min"}, "Older name of `draft.n_min`.");
    s.alias("p_min", {"draft.p_min"}, "Older name of `draft.p_min`.");
    s.alias("p_split", {"draft.p_split"}, "Older name of `draft.p_split`.");
    s.alias("n_gpu_layers", {"draft.n_gpu_layers"}, "Older name of `draft.n_gpu_layers`.");
    s.alias("cache_type_k", {"draft.cache_type_k"}, "Older name of `draft.cache_type_k`.");
    s.alias("cache_type_v", {"draft.cache_type_v"}, "Older name of `draft.cache_type_v`.");
    s.alias("cpuparams", {"draft.cpuparams"}, "Older name of `draft.cpuparams`.");
    s.alias("cpuparams_batch", {"draft.cpuparams_batch"}, "Older name of `draft.cpuparams_batch`.");
    s.alias("devices", {"draft.devices"}, "Older name of `draft.devices`.");
    s.alias("tensor_buft_overrides", {"draft.tensor_buft_overrides"}, "Older name of `draft.tensor_buft_overrides`.");
    s.alias("lookup_cache_static", {"ngram_cache.lookup_cache_static"},
            "Older name of `ngram_cache.lookup_cache_static`.");
    s.alias("lookup_cache_dynamic", {"ngram_cache.lookup_cache_dynamic"},
            "Older name of `ngram_cache.lookup_cache_dynamic`.");
    s.alias<common_speculative_type>(
        "type", "types",
        [](const self & p) {
            const auto used = std::find_if(p.types.begin(), p.types.end(),
                                           [](common_speculative_type t) { return t != COMMON_SPECULATIVE_TYPE_NONE; });
            return used == p.types.end() ? COMMON_SPECULATIVE_TYPE_NONE : *used;
        },
        [](self & p, const common_speculative_type & type) { p.types = {type}; },
        "The only way to draft. Reads as the first of `types` that is not NONE, and takes the place of all of them.",
        meaning::changed);
    // One setting of an older llama.cpp became three: one for each way to draft from n-grams.
    s.alias("ngram_size_n", {"ngram_simple.size_n", "ngram_map_k.size_n", "ngram_map_k4v.size_n"},
            "Sets `size_n` of `ngram_simple`, `ngram_map_k` and `ngram_map_k4v`, and reads the first.",
            meaning::changed);
    s.alias("ngram_size_m", {"ngram_simple.size_m", "ngram_map_k.size_m", "ngram_map_k4v.size_m"},
            "Sets `size_m` of `ngram_simple`, `ngram_map_k` and `ngram_map_k4v`, and reads the first.",
            meaning::changed);
    s.alias("ngram_min_hits", {"ngram_simple.min_hits", "ngram_map_k.min_hits", "ngram_map_k4v.min_hits"},
            "Sets `min_hits` of `ngram_simple`, `ngram_map_k` and `ngram_map_k4v`, and reads the first.",
            meaning::changed);
}

}  // namespace xllamacpp
