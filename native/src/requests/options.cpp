#include "requests/options.h"

#include "params/fields.h"
#include "requests/limits.h"
#include "xllamacpp/log.h"

#include <algorithm>
#include <mutex>
#include <set>

namespace xllamacpp {

namespace {

struct renamed {
    const char * older;
    const char * today;
};

const renamed older_names[] = {
    {"reasoning_budget", "reasoning_budget_tokens"},
    {"temp", "temperature"},
    {"typ_p", "typical_p"},
    {"penalty_repeat", "repeat_penalty"},
    {"penalty_last_n", "repeat_last_n"},
    {"penalty_freq", "frequency_penalty"},
    {"penalty_present", "presence_penalty"},
};

const char * const speculative = "speculative.";

// What follows changes the body, and says whether it did.

bool rename(json & body) {
    bool is_changed = false;
    for (const renamed & r : older_names) {
        const auto found = body.find(r.older);
        if (found != body.end()) {
            json value = std::move(*found);
            body.erase(r.older);
            if (!body.contains(r.today)) {
                body[r.today] = std::move(value);
            }
            is_changed = true;
        }
    }
    return is_changed;
}

void warn_once(const std::string & option) {
    static std::mutex                 mutex;
    static std::set<std::string>      warned;
    const std::lock_guard<std::mutex> lock(mutex);
    if (warned.insert(option).second) {
        log_write(log_level_warn, option + " in a request has no effect: this llama.cpp drafts as the server was set "
                                           "up to. Set it in the server's parameters");
    }
}

/// llama.cpp has these switched off, and passes them by without a word.
bool check_speculative(json & body) {
    std::vector<std::string> options;
    for (const auto & item : body.items()) {
        if (item.key().rfind(speculative, 0) == 0) {
            options.push_back(item.key());
        }
    }
    for (const std::string & option : options) {
        common_params scratch;
        write_part(find_part(structure_of<common_params>(), &scratch, option), body[option], option);
        body.erase(option);
        warn_once(option);
    }
    return !options.empty();
}

bool lower(json & body, const char * option, int64_t most) {
    const auto found    = body.find(option);
    const bool is_above = found != body.end() && found->is_number_integer() && *found > most;
    if (is_above) {
        *found = most;
    }
    return is_above;
}

/// An empty text is found everywhere: an answer would stop at once.
bool drop_empty_stops(json & body) {
    const auto stop = body.find("stop");
    if (stop == body.end()) {
        return false;
    }
    const json empty = "";
    if (*stop == empty) {
        *stop = json::array();
        return true;
    }
    if (!stop->is_array()) {
        return false;
    }
    const size_t before = stop->size();
    stop->erase(std::remove(stop->begin(), stop->end(), empty), stop->end());
    return stop->size() != before;
}

/// llama.cpp takes Anthropic's word for thinking, and not the one for none.
bool turn_thinking_off(json & body) {
    const auto thinking = body.find("thinking");
    if (thinking == body.end() || !thinking->is_object() || thinking->value("type", json()) != "disabled") {
        return false;
    }
    return body["chat_template_kwargs"].emplace("enable_thinking", false).second;
}

/// With 0, a chat that asks for probabilities would get none at all, not even those of its own tokens.
bool report_own_probabilities(json & body) {
    const auto top      = body.find("top_logprobs");
    const bool is_wrong = top != body.end() && *top == 0 && body.value("logprobs", json()) == true;
    if (is_wrong) {
        *top = 1;
    }
    return is_wrong;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> older_option_names() {
    std::vector<std::pair<std::string, std::string>> names;
    for (const renamed & r : older_names) {
        names.emplace_back(r.older, r.today);
    }
    return names;
}

std::string mend_options(const std::string & text, const common_params & params, int n_vocab) {
    json body = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (!body.is_object()) {
        return text;  // llama.cpp says what is wrong with it.
    }
    // Room for as many is made for each request.
    constexpr int64_t most_remembered = 1048576;

    bool is_changed = rename(body);
    is_changed |= check_speculative(body);
    // The device's own sort aborts where there are fewer tokens than it shall find.
    is_changed |= n_vocab > 0 && lower(body, "top_k", n_vocab);
    is_changed |= lower(body, "repeat_last_n", most_remembered);
    is_changed |= lower(body, "dry_penalty_last_n", most_remembered);
    check_options(body, params, n_vocab);
    is_changed |= drop_empty_stops(body);
    is_changed |= turn_thinking_off(body);
    is_changed |= report_own_probabilities(body);
    return is_changed ? body.dump(-1, ' ', false, json::error_handler_t::replace) : text;
}

void check_infill_body(const std::string & text) {
    const json body = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (body.is_object()) {
        check_infill(body);
    }
}

}  // namespace xllamacpp
