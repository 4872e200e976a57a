// How the next token is chosen.
#include "params/fields.h"

#include "llama.h"
#include "sampling.h"

namespace xllamacpp {

namespace {

// Each slot has room for as many, whether they come or not.
constexpr double most_remembered = 1024.0 * 1024;

/// What is set by hand is not to be replaced by what a model's file recommends.
attribute marks(common_params_sampling_config bit) {
    return [bit](field & f) {
        f.after_write = [bit](void * owner) {
            static_cast<common_params_sampling *>(owner)->user_sampling_config |= bit;
        };
    };
}

/// By the name that requests and the command line use, which is not always the enumerator's.
json sampler_named(const std::string & name) {
    const std::vector<common_sampler_type> found = common_sampler_types_from_names({name});
    return found.size() == 1 ? json(static_cast<int64_t>(found.front())) : json(name);
}

void describe_samplers(structure<common_params_sampling> & s) {
    using self = common_params_sampling;
    s.group("Samplers");
    s.row(FIELD(samplers), "The samplers that are applied, in this order. A string has them with semicolons between.",
          {flag("--samplers"), text_list(';', sampler_named), marks(COMMON_PARAMS_SAMPLING_CONFIG_SAMPLERS),
           example(R"(["top_k", "temperature"])")});
    s.row(FIELD(seed), "The seed of the random choice. 4294967295 takes a new one every time.",
          {flag("--seed"), example("42")});
    s.row(FIELD(temp), "Temperature: higher is more varied. 0 always takes the likeliest token.",
          {flag("--temp"), at_least(0), marks(COMMON_PARAMS_SAMPLING_CONFIG_TEMP), example("0.2")});
    s.row(FIELD(dynatemp_range), "How far the temperature may move with the model's certainty. 0 keeps it still.",
          {flag("--dynatemp-range"), example("0.5")});
    s.row(FIELD(dynatemp_exponent), "How the model's certainty turns into a temperature within `dynatemp_range`.",
          {flag("--dynatemp-exp"), example("2.0")});
    s.row(FIELD(top_k), "Chooses among this many of the likeliest tokens. 0 or less is all of them.",
          {unit("tokens"), flag("--top-k"), marks(COMMON_PARAMS_SAMPLING_CONFIG_TOP_K), example("20")});
    s.row(FIELD(top_p), "Chooses among the likeliest tokens that have this probability together. 1 is all of them.",
          {flag("--top-p"), between(0, 1), marks(COMMON_PARAMS_SAMPLING_CONFIG_TOP_P), example("0.9")});
    s.row(FIELD(min_p), "Drops tokens less likely than this part of the likeliest one. 0 drops none.",
          {flag("--min-p"), between(0, 1), marks(COMMON_PARAMS_SAMPLING_CONFIG_MIN_P), example("0.1")});
    s.row(FIELD(typ_p), "Locally typical sampling, up to this probability. 1 turns it off.",
          {flag("--typical-p"), between(0, 1), example("0.95")});
    s.row(FIELD(top_n_sigma),
          "Drops tokens whose logit is more than this many standard deviations below the best. -1 drops none.",
          {flag("--top-n-sigma"), example("1.0")});
    s.row(FIELD(xtc_probability), "How often XTC removes the likeliest tokens. 0 turns it off.",
          {flag("--xtc-probability"), between(0, 1), marks(COMMON_PARAMS_SAMPLING_CONFIG_XTC_PROBABILITY),
           example("0.5")});
    s.row(FIELD(xtc_threshold), "How likely a token is, at the least, that XTC removes. Above 0.5 turns it off.",
          {flag("--xtc-threshold"), between(0, 1), marks(COMMON_PARAMS_SAMPLING_CONFIG_XTC_THRESHOLD), example("0.2")});
    s.row(FIELD(min_keep), "How many tokens every sampler leaves at least. 0 sets no bound.",
          {unit("tokens"), at_least(0), example("1")});
    s.row(FIELD(mirostat), "Mirostat instead of the samplers: 0 is off, 1 the first version, 2 the second.",
          {flag("--mirostat"), between(0, 2), marks(COMMON_PARAMS_SAMPLING_CONFIG_MIROSTAT), example("2")});
    s.row(FIELD(mirostat_tau), "The surprise that Mirostat aims at.",
          {flag("--mirostat-ent"), marks(COMMON_PARAMS_SAMPLING_CONFIG_MIROSTAT_TAU), example("3.0")});
    s.row(FIELD(mirostat_eta), "How fast Mirostat corrects itself.",
          {flag("--mirostat-lr"), marks(COMMON_PARAMS_SAMPLING_CONFIG_MIROSTAT_ETA), example("0.2")});
    s.row(FIELD(adaptive_target), "Adaptive-p aims at tokens of this probability, 0 to 1. Negative turns it off.",
          {flag("--adaptive-target"), at_most(1), example("0.5")});
    s.row(FIELD(adaptive_decay), "How long adaptive-p remembers, 0 to 0.99: about 1 / (1 - value) tokens.",
          {flag("--adaptive-decay"), between(0, 0.99), example("0.95")});
    s.row(FIELD(backend_sampling), "Samples on the device that holds the model, where that is possible.",
          {flag("--backend-sampling")});
}

void describe_penalties(structure<common_params_sampling> & s) {
    using self = common_params_sampling;
    s.group("Penalties");
    s.row(FIELD(penalty_last_n), "How far back the penalties look. 0 turns them off.",
          {unit("tokens"), flag("--repeat-last-n"), between(0, most_remembered),
           marks(COMMON_PARAMS_SAMPLING_CONFIG_PENALTY_LAST_N), example("128")});
    s.row(FIELD(penalty_repeat), "Makes tokens that were there less likely. 1 turns it off.",
          {flag("--repeat-penalty"), positive(), marks(COMMON_PARAMS_SAMPLING_CONFIG_PENALTY_REPEAT), example("1.1")});
    s.row(FIELD(penalty_freq), "Makes a token less likely each time it was there. 0 turns it off.",
          {flag("--frequency-penalty"), example("0.2")});
    s.row(FIELD(penalty_present), "Makes a token less likely once it was there. 0 turns it off.",
          {flag("--presence-penalty"), example("0.2")});
    s.row(FIELD(dry_multiplier), "DRY: how hard the repetition of a passage is punished. 0 turns it off.",
          {flag("--dry-multiplier"), example("0.8")});
    s.row(FIELD(dry_base), "DRY: by what factor the punishment grows with every token repeated.",
          {flag("--dry-base"), example("2.0")});
    s.row(FIELD(dry_allowed_length), "DRY: a repetition up to this long goes unpunished.",
          {unit("tokens"), flag("--dry-allowed-length"), example("3")});
    s.row(FIELD(dry_penalty_last_n), "DRY: how far back it looks for repetitions. 0 turns it off.",
          {unit("tokens"), flag("--dry-penalty-last-n"), between(0, most_remembered), example("256")});
    s.row(FIELD(dry_sequence_breakers), "DRY: strings that no repetition reaches across.",
          {flag("--dry-sequence-breaker"), example(R"(["\n"])")});
    s.row(FIELD(n_prev), "How many of the last tokens the samplers remember.",
          {unit("tokens"), between(0, most_remembered), example("128")});
    s.row(FIELD(ignore_eos), "Goes on where the model would end its answer.", {flag("--ignore-eos")});
    s.row(FIELD(logit_bias), "What is added to the logits of single tokens.",
          {flag("--logit-bias"), example(R"([{"token": 15043, "bias": -1.0}])")});
    s.row(FIELD(logit_bias_eog),
          "The same for the tokens that end an answer. llama.cpp fills it when a model is loaded.", {kept_by_us()});
}

void describe_constraints(structure<common_params_sampling> & s) {
    using self = common_params_sampling;
    s.group("Grammar and reasoning");
    s.row(FIELD(grammar),
          "The grammar that answers follow. A string sets it as the user's own. The server goes by a request's grammar "
          "instead.",
          {flag("--grammar")});
    s.row(FIELD(grammar_lazy), "Lets the grammar begin only when one of `grammar_triggers` appears.");
    s.row(FIELD(grammar_triggers), "What starts a lazy grammar.",
          {example(R"([{"type": "word", "value": "<tool_call>"}])")});
    s.row(FIELD(preserved_tokens), "Ids of special tokens that stay visible in an answer.", {example("[1, 2]")});
    s.row(FIELD(generation_prompt),
          "The part of an answer that is already in the prompt, for grammar and reasoning budget.",
          {example(R"("<think>")")});
    s.row(FIELD(reasoning_budget_tokens), "How long the model may think. 0 ends thinking at once, -1 sets no limit.",
          {unit("tokens"), flag("--reasoning-budget"), at_least(-1), example("1024")});
    s.row(FIELD(reasoning_budget_message), "What is put in before thinking is ended for its budget.",
          {flag("--reasoning-budget-message"), example(R"("\nI have thought enough.\n")")});
    s.row(FIELD(reasoning_budget_start),
          "The token ids that begin thinking. The server takes them from the chat template.");
    s.row(FIELD(reasoning_budget_end),
          "The token ids that end thinking, one list per way to end. The first is used to force it.");
    s.row(FIELD(reasoning_budget_forced), "The token ids that are forced when the budget is used up.");
    s.row(FIELD(reasoning_control), "Prepares every answer for its thinking to be ended from outside while it runs.");

    s.group("Reports");
    s.row(FIELD(n_probs),
          "Reports the probabilities of this many of the likeliest tokens with every token. 0 reports none.",
          {unit("tokens"), at_least(0), example("5")});
    s.row(FIELD(no_perf), "Measures no times in the samplers.", {flag("--no-perf")});
    s.row(FIELD(timing_per_token), "Reports times with every token.");
    s.row(FIELD(user_sampling_config),
          "One bit of `common_params_sampling_config` per field that was set, which the model's file then does not "
          "replace. Setting such a field sets its bit.",
          {kept_by_us()});
}

}  // namespace

template <> const structure_type & structure_of<common_grammar>() {
    using self            = common_grammar;
    static const auto all = make_structure<self>("common_grammar", [](structure<self> & s) {
        s.row(FIELD(type), "Where the grammar comes from.");
        s.row(FIELD(grammar), "The grammar's text, in GBNF or in LLGuidance's Lark.");
        s.from_text = [](self & g, const std::string & text, const std::string &) {
            g.type    = text.empty() ? COMMON_GRAMMAR_TYPE_NONE : COMMON_GRAMMAR_TYPE_USER;
            g.grammar = text;
        };
    });
    return all;
}

template <> const structure_type & structure_of<common_grammar_trigger>() {
    using self            = common_grammar_trigger;
    static const auto all = make_structure<self>("common_grammar_trigger", [](structure<self> & s) {
        s.row(FIELD(type), "Whether a token, a word or a regular expression starts the grammar.");
        s.row(FIELD(value), "The word or the regular expression.");
        s.row(FIELD(token), "The token's id. -1 is none.");
    });
    return all;
}

template <> const structure_type & structure_of<llama_logit_bias>() {
    using self            = llama_logit_bias;
    static const auto all = make_structure<self>("llama_logit_bias", [](structure<self> & s) {
        s.row(FIELD(token), "The token's id.", {at_least(0)});
        s.row(FIELD(bias), "What is added to its logit. Minus infinity forbids the token.",
              {between(-1e6, 1e6), or_minus_infinite()});
    });
    return all;
}

template <> const structure_type & structure_of<common_params_sampling>() {
    static const auto all = make_structure<common_params_sampling>("common_params_sampling", [](auto & s) {
        describe_samplers(s);
        describe_penalties(s);
        describe_constraints(s);
    });
    return all;
}

}  // namespace xllamacpp
