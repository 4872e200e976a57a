#include "requests/lists.h"

#include "params/enums.h"
#include "params/fields.h"
#include "params/rules.h"
#include "requests/tokens.h"
#include "requests/values.h"

#include "sampling.h"

namespace xllamacpp {

namespace {

void check_bias(const json & value, const std::string & path) {
    if (value == false) {
        return;
    }
    if (!value.is_number()) {
        refuse(path, value, "a number, or false to ban the token");
    }
    check_like<llama_logit_bias>("bias", value, path);
}

/// A key that is a number names a token by it, else by its text.
void check_key(const std::string & key, int n_vocab) {
    constexpr size_t longest_number = 10;
    if (key.empty()) {
        refuse("logit_bias", key, "a token, by its number or its text");
    }
    if (key.find_first_not_of("0123456789") == std::string::npos) {
        check_token(key.size() > longest_number ? json(key) : json(std::stoll(key)), "logit_bias", n_vocab);
    }
}

/// The enumerators that are samplers.
std::vector<common_sampler_type> all_samplers() {
    std::vector<common_sampler_type> types;
    for (const enumerator & e : enumeration_named("common_sampler_type").values) {
        if (e.value != COMMON_SAMPLER_TYPE_NONE) {
            types.push_back(static_cast<common_sampler_type>(e.value));
        }
    }
    return types;
}

std::vector<common_sampler_type> samplers_named(const json & names) {
    std::vector<common_sampler_type> types;
    for (size_t i = 0; i < names.size(); ++i) {
        const auto name  = names[i].get<std::string>();
        const auto found = common_sampler_types_from_names({name});
        if (found.empty()) {
            std::vector<std::string> known;
            std::string              listed;
            for (const common_sampler_type type : all_samplers()) {
                known.push_back(common_sampler_type_to_str(type));
                listed += (listed.empty() ? "" : ", ") + known.back();
            }
            refuse("samplers." + std::to_string(i), name, "one of " + listed, nearest_name(name, known));
        }
        types.push_back(found.front());
    }
    return types;
}

std::vector<common_sampler_type> samplers_lettered(const std::string & letters) {
    for (const char letter : letters) {
        if (common_sampler_types_from_chars({letter}).empty()) {
            std::string listed;
            for (const common_sampler_type type : all_samplers()) {
                listed += std::string(listed.empty() ? "" : ", ") + common_sampler_type_to_chr(type) + " (" +
                          common_sampler_type_to_str(type) + ")";
            }
            refuse("samplers", letters, "a letter for each sampler: " + listed);
        }
    }
    return common_sampler_types_from_chars(letters);
}

}  // namespace

void check_biases(const json & body, int n_vocab) {
    const json * const biases = given(body, "logit_bias");
    if (!biases) {
        return;
    }
    if (biases->is_object()) {
        for (const auto & item : biases->items()) {
            check_key(item.key(), n_vocab);
            check_bias(item.value(), "logit_bias." + item.key());
        }
        return;
    }
    if (!biases->is_array()) {
        refuse("logit_bias", *biases, "a list of [token, bias], or an object of token to bias");
    }
    for (size_t i = 0; i < biases->size(); ++i) {
        const json &      pair = (*biases)[i];
        const std::string path = "logit_bias." + std::to_string(i);
        if (!pair.is_array() || pair.size() != 2) {
            refuse(path, pair, "[token, bias]");
        }
        if (!pair[0].is_string()) {
            check_token(pair[0], path + ".0", n_vocab);
        }
        check_bias(pair[1], path + ".1");
    }
}

void check_choice_of_samplers(const json & body, const common_params & params) {
    check_text_or_texts(body, "samplers");
    const json * const samplers = given(body, "samplers");
    if (!samplers) {
        return;
    }
    common_params_sampling wanted = params.sampling;
    wanted.samplers =
        samplers->is_string() ? samplers_lettered(samplers->get<std::string>()) : samplers_named(*samplers);
    if (const json * const top_k = given(body, "top_k")) {
        wanted.top_k = top_k->get<int32_t>();
    }
    check_samplers(wanted);
}

void check_breakers(const json & body) {
    check_texts(body, "dry_sequence_breakers");
    const json * const breakers = given(body, "dry_sequence_breakers");
    if (breakers && (breakers->empty() || breakers->size() > most_sequence_breakers)) {
        refuse("dry_sequence_breakers", *breakers,
               "a list of 1 to " + std::to_string(most_sequence_breakers) +
                   " strings, since each is looked up in the whole vocabulary");
    }
}

void check_triggers(const json & body) {
    const json * const triggers = given(body, "grammar_triggers");
    if (!triggers) {
        return;
    }
    if (!triggers->is_array()) {
        refuse("grammar_triggers", *triggers, "a list of objects with a type and a value");
    }
    for (size_t i = 0; i < triggers->size(); ++i) {
        const json &      trigger = (*triggers)[i];
        const std::string path    = "grammar_triggers." + std::to_string(i);
        if (!trigger.is_object() || !given(trigger, "type") || !given(trigger, "value")) {
            refuse(path, trigger, "an object with a type and a value");
        }
        const json * const type = given(trigger, "type");
        if (*type != COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN && *type != COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
            refuse(path + ".type", *type, "0 (a token) or 1 (a word): a regular expression can take for ever");
        }
    }
}

}  // namespace xllamacpp
