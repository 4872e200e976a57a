#include "requests/limits.h"

#include "params/fields.h"
#include "requests/lists.h"
#include "requests/tokens.h"
#include "requests/values.h"
#include "xllamacpp/params.h"

#include "chat.h"

#include <cstdint>

namespace xllamacpp {

namespace {

struct like_parameter {
    const char * option;
    const char * parameter;
};

const like_parameter like_parameters[] = {
    {"n_predict", "n_predict"},
    {"max_tokens", "n_predict"},
    {"max_completion_tokens", "n_predict"},
    {"max_output_tokens", "n_predict"},
    {"n_keep", "n_keep"},
    {"n_cache_reuse", "n_cache_reuse"},
    {"sse_ping_interval", "sse_ping_interval"},
    {"temperature", "sampling.temp"},
    {"dynatemp_range", "sampling.dynatemp_range"},
    {"dynatemp_exponent", "sampling.dynatemp_exponent"},
    {"top_k", "sampling.top_k"},
    {"top_p", "sampling.top_p"},
    {"min_p", "sampling.min_p"},
    {"typical_p", "sampling.typ_p"},
    {"top_n_sigma", "sampling.top_n_sigma"},
    {"xtc_probability", "sampling.xtc_probability"},
    {"xtc_threshold", "sampling.xtc_threshold"},
    {"min_keep", "sampling.min_keep"},
    {"mirostat", "sampling.mirostat"},
    {"mirostat_tau", "sampling.mirostat_tau"},
    {"mirostat_eta", "sampling.mirostat_eta"},
    {"adaptive_target", "sampling.adaptive_target"},
    {"adaptive_decay", "sampling.adaptive_decay"},
    {"repeat_last_n", "sampling.penalty_last_n"},
    {"repeat_penalty", "sampling.penalty_repeat"},
    {"frequency_penalty", "sampling.penalty_freq"},
    {"presence_penalty", "sampling.penalty_present"},
    {"dry_multiplier", "sampling.dry_multiplier"},
    {"dry_base", "sampling.dry_base"},
    {"dry_allowed_length", "sampling.dry_allowed_length"},
    {"dry_penalty_last_n", "sampling.dry_penalty_last_n"},
    {"reasoning_budget_tokens", "sampling.reasoning_budget_tokens"},
    {"thinking_budget_tokens", "sampling.reasoning_budget_tokens"},
    {"n_probs", "sampling.n_probs"},
    {"top_logprobs", "sampling.n_probs"},
};

/// The answer is kept until it is sent, and a few numbers of a request must not fill the memory.
void check_probabilities(const json & body, const common_params & params) {
    constexpr int64_t always = 1000;
    constexpr int64_t most   = 10'000'000;
    for (const char * option : {"n_probs", "logprobs", "top_logprobs"}) {
        const json * const value = given(body, option);
        const int64_t      each  = value && value->is_number() ? value->get<int64_t>() : 0;
        int64_t            steps = params.n_predict;
        for (const char * length : {"max_tokens", "max_completion_tokens", "n_predict"}) {
            if (const json * const tokens = given(body, length)) {
                steps = tokens->get<int64_t>();
            }
        }
        if (each > always && (steps < 0 || steps > most / each)) {
            refuse(option, *value,
                   std::to_string(always) + " or less, or an n_predict with which no more than " +
                       std::to_string(most) + " probabilities are reported");
        }
    }
}

/// Each element of these takes its time at every token, and all answers wait for that.
void check_lengths(const json & body, int n_vocab) {
    const auto check = [&](const char * option, size_t most) {
        const json * const value = given(body, option);
        // A text of samplers has a letter for each; a text to stop at is one.
        const bool   is_letters = value && value->is_string() && std::string(option) == "samplers";
        const size_t size = !value ? 0 : is_letters ? value->get_ref<const std::string &>().size() : value->size();
        if (size > most) {
            throw parameter_error(std::string(option) + ": expected at most " + std::to_string(most) + ", got " +
                                  std::to_string(size));
        }
    };
    check("samplers", 32);
    check("stop", 1024);
    check("stop_sequences", 1024);
    check("grammar_triggers", 256);
    if (n_vocab > 0) {
        check("logit_bias", static_cast<size_t>(n_vocab));
    }
}

void check_reasoning(const json & body) {
    if (const json * const format = given(body, "reasoning_format")) {
        try {
            common_reasoning_format_from_name(format->get<std::string>());
        } catch (const std::exception &) {
            refuse("reasoning_format", *format, "one of none, auto, deepseek, deepseek-legacy");
        }
    }
    check_object(body, "chat_template_kwargs", "an object with variables of the chat template");
    const json * const variables = given(body, "chat_template_kwargs");
    const json * const thinks    = variables ? given(*variables, "enable_thinking") : nullptr;
    if (thinks && !thinks->is_boolean()) {
        refuse("chat_template_kwargs.enable_thinking", *thinks, "true or false");
    }
    check_text(body, "reasoning_effort", "a string, such as none or high");
    check_object(body, "thinking", R"(an object, such as {"type": "enabled", "budget_tokens": 1024})");
    const json * const thinking = given(body, "thinking");
    const json * const budget   = thinking ? given(*thinking, "budget_tokens") : nullptr;
    if (budget) {
        check_like<common_params>("sampling.reasoning_budget_tokens", *budget, "thinking.budget_tokens");
    }
}

/// How an answer is parsed. One that refers to itself would overflow the stack.
void check_parser(const json & body) {
    if (const json * const parser = given(body, "chat_parser")) {
        refuse("chat_parser", *parser, "none: the server makes it of the chat template");
    }
}

/// OpenAI's completions have options that llama.cpp passes by without a word.
void check_unsupported(const json & body) {
    if (body.contains("messages") || !body.contains("prompt")) {
        return;
    }
    const json * const echo = given(body, "echo");
    if (echo && *echo != false) {
        refuse("echo", *echo, "false: a completion does not repeat its prompt");
    }
    const json * const suffix = given(body, "suffix");
    if (suffix && !(suffix->is_string() && suffix->get_ref<const std::string &>().empty())) {
        refuse("suffix", *suffix, "none: a text with a gap is filled in by /infill");
    }
    const json * const best_of = given(body, "best_of");
    if (best_of && *best_of != (given(body, "n") ? *given(body, "n") : json(1))) {
        refuse("best_of", *best_of, "as many as n: no choices are made to be thrown away");
    }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> option_parameters() {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const like_parameter & like : like_parameters) {
        pairs.emplace_back(like.option, like.parameter);
    }
    return pairs;
}

void check_options(const json & body, const common_params & params, int n_vocab) {
    for (const like_parameter & like : like_parameters) {
        if (const json * const value = given(body, like.option)) {
            check_like<common_params>(like.parameter, *value, like.option);
        }
    }
    const json * const logprobs = given(body, "logprobs");
    if (logprobs && !logprobs->is_boolean()) {
        check_like<common_params>("sampling.n_probs", *logprobs, "logprobs");
    }
    const char * const a_slot_each = " (n_parallel): each choice takes a slot";
    check_whole(body, "n", 1, params.n_parallel, a_slot_each);
    check_whole(body, "n_cmpl", 1, params.n_parallel, a_slot_each);
    check_whole(body, "seed", -1, UINT32_MAX);
    check_whole(body, "n_indent", 0, INT32_MAX);
    check_whole(body, "n_discard", 0, INT32_MAX);
    check_whole(body, "id_slot", -1, INT32_MAX);
    check_whole(body, "t_max_predict_ms", -1, INT64_MAX);
    check_text_or_texts(body, "stop");
    check_text_or_texts(body, "stop_sequences");
    check_texts(body, "response_fields");
    check_lengths(body, n_vocab);
    if (const json * const prompt = given(body, "prompt")) {
        check_tokens(*prompt, "prompt", n_vocab);
    }
    check_biases(body, n_vocab);
    check_choice_of_samplers(body, params);
    check_breakers(body);
    check_triggers(body);
    check_probabilities(body, params);
    check_reasoning(body);
    check_parser(body);
    check_unsupported(body);
}

void check_infill(const json & body) {
    for (const char * option : {"input_prefix", "input_suffix"}) {
        if (!given(body, option)) {
            refuse(option, nullptr, "the text on that side of the gap");
        }
        check_text(body, option, "the text on that side of the gap");
    }
    check_text(body, "prompt", "a string, with which the filling begins");
}

}  // namespace xllamacpp
