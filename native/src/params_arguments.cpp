// The command line of llama.cpp's server, by llama.cpp's own table of options: what a flag is called, what it takes and
// what it does all comes from there.
//
// common_params_parse would do the same, and end the process on what it cannot read. Here every mistake is an
// exception with its reason. A test holds the two against each other.
#include "xllamacpp/params.h"

#include "params_native.h"
#include "params_table.h"

#include "arg.h"
#include "preset.h"

#include <algorithm>
#include <stdexcept>

namespace xllamacpp {

namespace {

struct refusal {
    const char * flag;
    const char * instead;
};

/// Flags whose handler prints something and ends the process, or asks the program to.
const refusal refusals[] = {
    {"--help", "the help is what usage() returns"},
    {"--version", "the version is part of the build information"},
    {"--cache-list", "look into the cache's directory"},
    {"--list-devices", "the devices are what the device information lists"},
    {"--completion-bash", "it is a script for llama.cpp's own programs"},
};

bool has_name(const common_arg & option, const std::string & name) {
    const std::vector<std::string> names = option.get_args();
    return std::find(names.begin(), names.end(), name) != names.end();
}

void refuse_if_it_ends_the_process(const common_arg & option, const std::string & name) {
    for (const refusal & r : refusals) {
        if (has_name(option, r.flag)) {
            throw std::invalid_argument(name + ": prints something and ends the process, which is not done here; " +
                                        r.instead);
        }
    }
}

int whole_number(const std::string & text) {
    size_t    used  = 0;
    const int value = std::stoi(text, &used);
    if (used != text.size()) {
        throw std::invalid_argument("expected a whole number");
    }
    return value;
}

bool switch_value(const std::string & text) {
    if (!common_arg_utils::is_truthy(text) && !common_arg_utils::is_falsey(text)) {
        throw std::invalid_argument("expected on or off");
    }
    return common_arg_utils::is_truthy(text);
}

/// Runs `apply`, and says about an exception of its which setting it was.
template <class Apply> void explain(const common_arg & option, const std::string & setting, Apply apply) {
    try {
        apply();
    } catch (const std::exception & e) {
        const std::string reason = e.what();
        // llama.cpp reads most numbers by std::stof and the like, which give only their name.
        const bool is_number = reason.rfind("sto", 0) == 0;
        throw std::invalid_argument(setting + ": " + (is_number ? "expected a number" : reason) + "\n\n" +
                                    option.to_string());
    }
}

/// llama.cpp's options, applied to parameters that are not the ones they were made with: making them asserts things
/// about those (no number of GPU layers, say) that a caller may well have set.
class command_line {
  public:
    explicit command_line(common_params & target)
        : target_(target), options_(common_params_parser_init(defaults_, LLAMA_EXAMPLE_SERVER).options) {
        // The server's own default, which the parser sets; it must not undo what was set before.
        if (target_.n_parallel == common_params().n_parallel) {
            target_.n_parallel = defaults_.n_parallel;
        }
    }

    void apply_config_files();
    void apply_environment();
    void apply(const std::vector<std::string> & arguments);

  private:
    const common_arg & find(const std::string & name) const;
    void apply_flag(const common_arg & option, const std::string & name, const std::vector<std::string> & values);

    common_params &         target_;
    common_params           defaults_;
    std::vector<common_arg> options_;
    bool                    has_breakers_ = false;
};

/// The system's file, then the user's.
void command_line::apply_config_files() {
    std::vector<std::filesystem::path> files;
#ifdef _WIN32
    files.push_back(common_get_path_from_env("PROGRAMDATA") / "llama.cpp" / "config.ini");
#else
    files.emplace_back("/etc/llama.cpp/config.ini");
#endif
    try {
        files.push_back(fs_get_config_directory() / "config.ini");
    } catch (const std::exception &) {
        // A user without a home has no file of their own.
    }
    for (const std::filesystem::path & file : files) {
        std::error_code ignored;
        if (!std::filesystem::exists(file, ignored)) {
            continue;
        }
        const std::string name = fs_path_to_utf8(file);
        try {
            common_preset_context context(LLAMA_EXAMPLE_SERVER);
            // Other programs of llama.cpp read the same file.
            context.ignore_unknown_keys = true;
            common_preset  global;
            common_presets presets = context.load_from_ini(file, global);
            for (const common_preset & preset : {global, presets[COMMON_PRESET_DEFAULT_NAME]}) {
                for (const auto & [option, value] : preset.options) {
                    std::string setting = option.args.back();
                    refuse_if_it_ends_the_process(option, setting);
                    setting.append(" ").append(value);
                    common_preset one;
                    one.options[option] = value;
                    explain(option, setting, [&] { one.apply_to_params(target_); });
                }
            }
        } catch (const std::exception & e) {
            throw std::invalid_argument(name + ": " + e.what());
        }
    }
}

void command_line::apply_environment() {
    for (const common_arg & option : options_) {
        std::string value;
        if (!option.get_value_from_env(value)) {
            continue;
        }
        explain(option, std::string(option.env) + "=" + value, [&] {
            if (option.handler_string) {
                option.handler_string(target_, value);
            } else if (option.handler_int) {
                option.handler_int(target_, whole_number(value));
            } else if (option.handler_bool) {
                option.handler_bool(target_, switch_value(value));
            } else if (option.handler_void && common_arg_utils::is_truthy(value)) {
                option.handler_void(target_);
            }
        });
    }
}

void command_line::apply(const std::vector<std::string> & arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
        std::string name = arguments[i];
        if (name.rfind("--", 0) == 0) {
            std::replace(name.begin(), name.end(), '_', '-');
        }
        const common_arg & option = find(name);
        refuse_if_it_ends_the_process(option, name);

        const size_t n_values = option.handler_str_str ? 2 : option.handler_int || option.handler_string ? 1 : 0;
        std::vector<std::string> values;
        for (; values.size() < n_values; values.push_back(arguments[++i])) {
            if (i + 1 >= arguments.size()) {
                throw std::invalid_argument(name + ": a value is missing\n\n" + option.to_string());
            }
        }
        apply_flag(option, name, values);
    }
}

void command_line::apply_flag(const common_arg & option, const std::string & name,
                              const std::vector<std::string> & values) {
    if (!has_breakers_ && has_name(option, "--dry-sequence-breaker")) {
        // The first one replaces the defaults; llama.cpp remembers for the whole process that it did so already.
        target_.sampling.dry_sequence_breakers.clear();
        has_breakers_ = true;
    }
    std::string setting = name;
    for (const std::string & value : values) {
        setting += " " + value;
    }
    explain(option, setting, [&] {
        if (option.handler_void) {
            option.handler_void(target_);
        } else if (option.handler_bool) {
            const bool is_positive = std::find(option.args.begin(), option.args.end(), name) != option.args.end();
            option.handler_bool(target_, is_positive);
        } else if (option.handler_int) {
            option.handler_int(target_, whole_number(values[0]));
        } else if (option.handler_string) {
            option.handler_string(target_, values[0]);
        } else if (option.handler_str_str) {
            option.handler_str_str(target_, values[0], values[1]);
        }
    });
}

const common_arg & command_line::find(const std::string & name) const {
    std::vector<std::string> known;
    for (const common_arg & option : options_) {
        if (has_name(option, name)) {
            return option;
        }
        for (const std::string & other : option.get_args()) {
            known.push_back(other);
        }
    }
    const std::string nearest = nearest_name(name, known);
    throw std::invalid_argument(name + ": llama.cpp's server has no such flag" +
                                (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

/// Turns the two characters \n into a line break, and so on, in texts that came from a command line.
void process_escapes(std::vector<std::string> & texts, const std::vector<std::string> & before) {
    if (texts != before) {
        std::for_each(texts.begin(), texts.end(), string_process_escapes);
    }
}

}  // namespace

void params::parse_arguments(const std::vector<std::string> & arguments) {
    common_params parsed = native_->value;
    command_line  line(parsed);
    line.apply_config_files();
    line.apply_environment();
    line.apply(arguments);
    if (parsed.escape) {
        process_escapes(parsed.antiprompt, native_->value.antiprompt);
        process_escapes(parsed.sampling.dry_sequence_breakers, native_->value.sampling.dry_sequence_breakers);
    }
    native_->value = std::move(parsed);
}

std::string params::usage() {
    struct section {
        const char * heading;
        std::string  text;
    };

    section       sections[] = {{"Common", ""}, {"Sampling", ""}, {"Speculative decoding", ""}, {"Server", ""}};
    common_params defaults;
    for (common_arg & option : common_params_parser_init(defaults, LLAMA_EXAMPLE_SERVER).options) {
        const bool is_refused = std::any_of(std::begin(refusals), std::end(refusals),
                                            [&](const refusal & r) { return has_name(option, r.flag); });
        if (!is_refused) {
            const int kind = option.is_sampling                        ? 1
                             : option.is_spec                          ? 2
                             : option.in_example(LLAMA_EXAMPLE_SERVER) ? 3
                                                                       : 0;
            sections[kind].text += option.to_string();
        }
    }
    std::string text;
    for (const section & s : sections) {
        text += (text.empty() ? "" : "\n") + std::string(s.heading) + "\n\n" + s.text;
    }
    return text;
}

}  // namespace xllamacpp
