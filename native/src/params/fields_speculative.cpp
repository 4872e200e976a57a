// Drafting tokens cheaply and checking several of them in one step.
#include "params/fields.h"

#include "llama.h"

namespace xllamacpp {

template <> const structure_type & structure_of<common_params_speculative_draft>() {
    using self            = common_params_speculative_draft;
    static const auto all = make_structure<self>("common_params_speculative_draft", [](structure<self> & s) {
        s.row(FIELD(mparams), "The draft model. Its vocabulary has to be that of the model that checks.",
              {flag("--spec-draft-model")});
        s.row(FIELD(n_max), "How much is drafted before it is checked, at most.",
              {unit("tokens"), flag("--spec-draft-n-max"), between(1, 1024)});
        s.row(FIELD(n_min), "A shorter draft is thrown away unchecked.",
              {unit("tokens"), flag("--spec-draft-n-min"), between(0, 1024), example("2")});
        s.row(FIELD(p_min), "Drafting stops at a token less likely than this.",
              {flag("--spec-draft-p-min"), between(0, 1), example("0.5")});
        s.row(FIELD(p_split), "How likely a second way to go on has to be for a draft that branches.",
              {flag("--spec-draft-p-split"), between(0, 1), example("0.2")});
        s.row(FIELD(backend_sampling), "Samples the draft on the device that holds the draft model.",
              {flag("--spec-draft-backend-sampling")});
        s.row(FIELD(n_gpu_layers), "How many layers of the draft model go to the GPU. -1 is as many as fit, -2 is all.",
              {unit("layers"), flag("--spec-draft-ngl"), example("20")});
        s.row(FIELD(cache_type_k), "How the keys of the draft model's cache are stored.",
              {flag("--spec-draft-type-k"), one_of(cache_types())});
        s.row(FIELD(cache_type_v), "How the values of the draft model's cache are stored.",
              {flag("--spec-draft-type-v"), one_of(cache_types())});
        s.row(FIELD(cpuparams), "The threads that draft. They follow the model's where their number is -1.",
              {flag("--spec-draft-threads")});
        s.row(FIELD(cpuparams_batch), "The threads that read prompts for the draft model. They follow the model's too.",
              {flag("--spec-draft-threads-batch")});
        s.row(FIELD(devices),
              "The devices that the draft model may be offloaded to. Empty takes all, `[\"none\"]` stays on the CPU.",
              {flag("--spec-draft-device"), example(R"(["none"])")});
        s.row(FIELD(tensor_buft_overrides), "Which of the draft model's tensors go to which device's memory.",
              {flag("--spec-draft-override-tensor"), text_list(',', [](const std::string & one) { return json(one); }),
               example(R"(["ffn_.*_exps=CPU"])")});
        s.omit("ctx_tgt", "llama.cpp's own handle of the model's context");
        s.omit("ctx_dft", "llama.cpp's own handle of the draft model's context");
    });
    return all;
}

template <> const structure_type & structure_of<common_params_speculative_ngram_mod>() {
    using self            = common_params_speculative_ngram_mod;
    static const auto all = make_structure<self>("common_params_speculative_ngram_mod", [](structure<self> & s) {
        s.row(FIELD(n_match), "How many tokens have to agree for a draft to be found.",
              {unit("tokens"), flag("--spec-ngram-mod-n-match"), between(1, 1024), example("16")});
        s.row(FIELD(n_max), "How much is drafted, at most.",
              {unit("tokens"), flag("--spec-ngram-mod-n-max"), between(0, 1024)});
        s.row(FIELD(n_min), "A shorter draft is thrown away unchecked.",
              {unit("tokens"), flag("--spec-ngram-mod-n-min"), between(0, 1024), example("2")});
    });
    return all;
}

template <> const structure_type & structure_of<common_params_speculative_ngram_map>() {
    using self            = common_params_speculative_ngram_map;
    static const auto all = make_structure<self>("common_params_speculative_ngram_map", [](structure<self> & s) {
        s.row(FIELD(size_n), "How many tokens are looked up in what was said before.",
              {unit("tokens"), between(1, 1024), example("8")});
        s.row(FIELD(size_m), "How many tokens are drafted from where they were found.",
              {unit("tokens"), between(1, 1024), example("16")});
        s.row(FIELD(min_hits), "How often they have to be found for a draft.", {at_least(1), example("2")});
    });
    return all;
}

template <> const structure_type & structure_of<common_params_speculative_ngram_cache>() {
    using self            = common_params_speculative_ngram_cache;
    static const auto all = make_structure<self>("common_params_speculative_ngram_cache", [](structure<self> & s) {
        s.row(FIELD(lookup_cache_static), "A file of n-grams to draft from, which stays as it is.",
              {flag("--lookup-cache-static"), example(R"("static.ngrams")")});
        s.row(FIELD(lookup_cache_dynamic),
              "A file of n-grams to draft from, which has to be there. llama.cpp's own programs write it.",
              {flag("--lookup-cache-dynamic"), example(R"("dynamic.ngrams")")});
    });
    return all;
}

template <> const structure_type & structure_of<common_params_speculative>() {
    using self            = common_params_speculative;
    static const auto all = make_structure<self>("common_params_speculative", [](structure<self> & s) {
        s.row(FIELD(types),
              "The ways to draft. Of several, the first that has a draft is taken. NONE with a draft model takes the "
              "way that the model was made for.",
              {flag("--spec-type"), not_empty(), example(R"(["ngram_simple"])")});
        s.row(FIELD(draft), "Drafting with a second model, or with a part of the model made for it.");
        s.row(FIELD(ngram_simple), "Drafting from the text so far, by the last place with the same tokens.");
        s.row(FIELD(ngram_map_k), "Drafting from the text so far, by a map of its n-grams.");
        s.row(FIELD(ngram_map_k4v), "The same with up to four ways to go on per n-gram.");
        s.row(FIELD(ngram_mod), "Drafting from a table of n-grams that all slots share.");
        s.row(FIELD(ngram_cache), "Drafting from n-grams kept in files.");
        s.row(FIELD(synth_len),
              "For measurements only: accepts as many tokens on average, whatever they are. -1 is off.",
              {unit("tokens"), flag("--spec-synth-len"), example("2.0")});
        s.row(FIELD(synth_rates), "For measurements only: how often the draft's first, second, ... token is accepted.",
              {flag("--spec-synth-rates"), example("[0.9, 0.8]")});
        describe_aliases(s);
    });
    return all;
}

}  // namespace xllamacpp
