// Names that llama.cpp has moved or dropped since, and that people still write. Each stands for a field of today.
#include "params_fields.h"

#include <algorithm>

namespace xllamacpp {

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
        "The only address to listen on. Reads as the first of `hostnames`, and takes the place of all of them.");
}

void describe_aliases(structure<common_params_speculative> & s) {
    using self = common_params_speculative;
    s.alias("mparams_dft", {"draft.mparams"}, "Older name of `draft.mparams`.");
    s.alias("n_max", {"draft.n_max"}, "Older name of `draft.n_max`.");
    s.alias("n_min", {"draft.n_min"}, "Older name of `draft.n_min`.");
    s.alias<common_speculative_type>(
        "type", "types",
        [](const self & p) {
            const auto used = std::find_if(p.types.begin(), p.types.end(),
                                           [](common_speculative_type t) { return t != COMMON_SPECULATIVE_TYPE_NONE; });
            return used == p.types.end() ? COMMON_SPECULATIVE_TYPE_NONE : *used;
        },
        [](self & p, const common_speculative_type & type) { p.types = {type}; },
        "The only way to draft. Reads as the first of `types` that is not NONE, and takes the place of all of them.");
    // One setting of an older llama.cpp became three: one for each way to draft from n-grams.
    s.alias("ngram_size_n", {"ngram_simple.size_n", "ngram_map_k.size_n", "ngram_map_k4v.size_n"},
            "Sets `size_n` of `ngram_simple`, `ngram_map_k` and `ngram_map_k4v`, and reads the first.");
    s.alias("ngram_size_m", {"ngram_simple.size_m", "ngram_map_k.size_m", "ngram_map_k4v.size_m"},
            "Sets `size_m` of `ngram_simple`, `ngram_map_k` and `ngram_map_k4v`, and reads the first.");
    s.alias("ngram_min_hits", {"ngram_simple.min_hits", "ngram_map_k.min_hits", "ngram_map_k4v.min_hits"},
            "Sets `min_hits` of `ngram_simple`, `ngram_map_k` and `ngram_map_k4v`, and reads the first.");
}

}  // namespace xllamacpp
