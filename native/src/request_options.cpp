#include "request_options.h"

#include "params_fields.h"
#include "params_rules.h"
#include "xllamacpp/log.h"

#include "sampling.h"

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

// What else is looked at.
const char * const others[] = {"top_k", "repeat_last_n", "dry_penalty_last_n", "samplers"};

const char * const speculative = "speculative.";

/// Most requests have none of them, and need not be parsed twice.
bool may_need_mending(const std::string & body) {
    const auto has = [&](const std::string & text) { return body.find(text) != std::string::npos; };
    return has("\"" + std::string(speculative)) ||
           std::any_of(std::begin(older_names), std::end(older_names),
                       [&](const renamed & r) { return has("\"" + std::string(r.older) + "\""); }) ||
           std::any_of(std::begin(others), std::end(others),
                       [&](const char * name) { return has("\"" + std::string(name) + "\""); });
}

void rename(json & body) {
    for (const renamed & r : older_names) {
        const auto found = body.find(r.older);
        if (found != body.end()) {
            json value = std::move(*found);
            body.erase(r.older);
            if (!body.contains(r.today)) {
                body[r.today] = std::move(value);
            }
        }
    }
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
void check_speculative(json & body) {
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
}

void lower(json & body, const char * option, int64_t most) {
    const auto found = body.find(option);
    if (found != body.end() && found->is_number_integer() && found->get<int64_t>() > most) {
        *found = most;
    }
}

/// In a list of names, or in a text with a letter for each.
void check_choice(const json & body, const common_params & params) {
    const auto found = body.find("samplers");
    if (found == body.end()) {
        return;
    }
    std::vector<common_sampler_type> types;
    if (found->is_string()) {
        types = common_sampler_types_from_chars(found->get<std::string>());
    } else if (found->is_array()) {
        std::vector<std::string> names;
        for (const json & name : *found) {
            names.push_back(name.is_string() ? name.get<std::string>() : "");
        }
        types = common_sampler_types_from_names(names);
    }
    common_params_sampling wanted = params.sampling;
    wanted.samplers               = std::move(types);
    const auto top_k              = body.find("top_k");
    if (top_k != body.end() && top_k->is_number_integer()) {
        wanted.top_k = top_k->get<int32_t>();
    }
    check_samplers(wanted);
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
    if (!may_need_mending(text)) {
        return text;
    }
    json body = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (!body.is_object()) {
        return text;  // llama.cpp says what is wrong with it.
    }
    rename(body);
    check_speculative(body);
    if (n_vocab > 0) {
        // The device's own sort aborts where there are fewer tokens than it shall find.
        lower(body, "top_k", n_vocab);
    }
    // Room for as many is made for each request.
    constexpr int64_t most_remembered = 1048576;
    lower(body, "repeat_last_n", most_remembered);
    lower(body, "dry_penalty_last_n", most_remembered);
    check_choice(body, params);
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace xllamacpp
