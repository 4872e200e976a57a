#include "params/command_line.h"

#include "params/fields.h"

#include "preset.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace xllamacpp {

namespace {

struct refusal {
    const char * flag;
    const char * instead;
};

const refusal refusals[] = {
    {"--help", "the help is what usage() returns"},
    {"--version", "the version is part of the build information"},
    {"--cache-list", "look into the cache's directory"},
    {"--list-devices", "the devices are what the device information lists"},
    {"--completion-bash", "it is a script for llama.cpp's own programs"},
};

void refuse_if_it_ends_the_process(const common_arg & option, const std::string & name) {
    for (const refusal & r : refusals) {
        if (has_name(option, r.flag)) {
            throw parameter_error(name + ": prints something and ends the process, which is not done here; " +
                                  r.instead);
        }
    }
}

int whole_number(const std::string & text) {
    size_t    used  = 0;
    const int value = std::stoi(text, &used);
    if (used != text.size()) {
        throw parameter_error("expected a whole number");
    }
    return value;
}

bool switch_value(const std::string & text) {
    if (!common_arg_utils::is_truthy(text) && !common_arg_utils::is_falsey(text)) {
        throw parameter_error("expected on or off");
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
        throw parameter_error(setting + ": " + (is_number ? "expected a number" : reason) + "\n\n" +
                              option.to_string());
    }
}

std::string negative_variable(const common_arg & option) {
    std::string name = option.env;
    string_replace_all(name, "LLAMA_ARG_", "LLAMA_ARG_NO_");
    return name;
}

/// Returns the variable of the flag that a wrong one was made from: LLAMA_ARG_BATCH for LLAMA_ARG_BATCH_SIZE.
std::string variable_of_flag(const std::string & wrong) {
    std::string flag = "--" + wrong.substr(std::string("LLAMA_ARG_").size());
    std::transform(flag.begin(), flag.end(), flag.begin(),
                   [](unsigned char c) { return static_cast<char>(c == '_' ? '-' : std::tolower(c)); });
    for (const common_arg & option : command_line::options()) {
        if (option.env && has_name(option, flag)) {
            return option.env;
        }
    }
    return "";
}

/// Turns the two characters \n into a line break, and so on, behind the texts that are known to be plain.
void process_escapes(std::vector<std::string> & texts, const std::vector<std::string> & plain) {
    const bool begins_plain = texts.size() >= plain.size() && std::equal(plain.begin(), plain.end(), texts.begin());
    const auto first        = texts.begin() + static_cast<std::ptrdiff_t>(begins_plain ? plain.size() : 0);
    std::for_each(first, texts.end(), string_process_escapes);
}

/// Writes what differs from `before` through the table's checks, without keeping it.
void check_changes(const json & now, const json & before) {
    common_params scratch = default_of<common_params>();
    json          changed = json::object();
    for (const auto & item : now.items()) {
        if (item.value() != before.at(item.key())) {
            changed[item.key()] = item.value();
        }
    }
    structure_of<common_params>().write(&scratch, changed, "");
}

/// llama.cpp's options, made once: what they do is in functions that take the parameters.
struct server_options {
    common_params                 defaults;  ///< What making the options sets for a server is set here.
    const std::vector<common_arg> options = common_params_parser_init(defaults, LLAMA_EXAMPLE_SERVER).options;
};

const server_options & the_options() {
    static const server_options made{};
    return made;
}

}  // namespace

const std::vector<common_arg> & command_line::options() { return the_options().options; }

bool has_name(const common_arg & option, const std::string & name) {
    const std::vector<std::string> names = option.get_args();
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool ends_the_process(const common_arg & option) {
    return std::any_of(std::begin(refusals), std::end(refusals),
                       [&](const refusal & r) { return has_name(option, r.flag); });
}

command_line::command_line(common_params & target)
    : target_(target), before_(structure_of<common_params>().read(&target)), plain_antiprompt_(target.antiprompt),
      plain_breakers_(target.sampling.dry_sequence_breakers) {}

void command_line::take_server_defaults() {
    if (target_.n_parallel == common_params().n_parallel) {
        target_.n_parallel = the_options().defaults.n_parallel;
    }
}

void command_line::set(const std::string & path, const json & value) {
    write_part(find_part(structure_of<common_params>(), &target_, path), value, path);
    plain_antiprompt_ = target_.antiprompt;
    plain_breakers_   = target_.sampling.dry_sequence_breakers;
}

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
                    apply_value(option, setting.append(" ").append(value), value);
                }
            }
        } catch (const std::exception & e) {
            throw parameter_error(name + ": " + e.what());
        }
    }
}

void command_line::apply_environment(const std::map<std::string, std::string> & environment) {
    check_variables(environment);
    for (const common_arg & option : options()) {
        if (!option.env) {
            continue;
        }
        const std::string name     = option.env;
        const bool        is_off   = !option.args_neg.empty() && environment.count(negative_variable(option)) > 0;
        const auto        found    = environment.find(name);
        const bool        is_given = is_off || found != environment.end();
        if (is_given) {
            const std::string value   = is_off ? "0" : found->second;
            std::string       setting = name;
            apply_value(option, setting.append("=").append(value), value);
        }
    }
    const auto sets = environment.find("XLLAMACPP_SET");
    if (sets != environment.end()) {
        const json values = json::parse(sets->second, nullptr, /* allow_exceptions = */ false);
        if (!values.is_object()) {
            refuse("XLLAMACPP_SET", sets->second, R"(a JSON object of values by path, such as {"sampling.temp": 0})");
        }
        for (const auto & item : values.items()) {
            set(item.key(), item.value());
        }
    }
}

/// llama.cpp passes a misspelt variable by without a word.
void command_line::check_variables(const std::map<std::string, std::string> & environment) const {
    std::vector<std::string> known;
    for (const common_arg & option : options()) {
        if (option.env) {
            known.emplace_back(option.env);
            known.push_back(negative_variable(option));
        }
    }
    for (const auto & [name, value] : environment) {
        if (name.rfind("LLAMA_ARG_", 0) == 0 && std::find(known.begin(), known.end(), name) == known.end()) {
            const std::string flags   = variable_of_flag(name);
            const std::string nearest = flags.empty() ? nearest_name(name, known) : flags;
            throw parameter_error(name + ": llama.cpp's server has no such environment variable" +
                                  (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
        }
    }
}

void command_line::apply_value(const common_arg & option, const std::string & setting, const std::string & value) {
    forget_default_breakers(option);
    const size_t n_keys = target_.api_keys.size();
    explain(option, setting, [&] {
        if (apply_devices(option, value)) {
            return;
        }
        if (option.handler_string) {
            option.handler_string(target_, value);
        } else if (option.handler_int) {
            option.handler_int(target_, whole_number(value));
        } else if (option.handler_bool) {
            option.handler_bool(target_, switch_value(value));
        } else if (option.handler_void && common_arg_utils::is_truthy(value)) {
            option.handler_void(target_);
        }
        // An empty secret must not open the server to everybody, as it does in llama.cpp.
        const bool takes_keys = has_name(option, "--api-key") || has_name(option, "--api-key-file");
        if (takes_keys && target_.api_keys.size() == n_keys) {
            throw parameter_error("there is no key in it; give one, or leave this out to let everybody in");
        }
    });
}

void command_line::apply_arguments(const std::vector<std::string> & arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
        std::string name = arguments[i];
        if (name.rfind("--", 0) == 0) {
            std::replace(name.begin(), name.end(), '_', '-');
        }
        if (name == "--set") {
            if (++i >= arguments.size()) {
                throw parameter_error("--set: a value is missing: --set PATH=VALUE, such as sampling.temp=0");
            }
            apply_set(arguments[i]);
            continue;
        }
        const common_arg & option = find(name);
        refuse_if_it_ends_the_process(option, name);

        const size_t n_values = option.handler_str_str ? 2 : option.handler_int || option.handler_string ? 1 : 0;
        std::vector<std::string> values;
        for (; values.size() < n_values; values.push_back(arguments[++i])) {
            if (i + 1 >= arguments.size()) {
                throw parameter_error(name + ": a value is missing\n\n" + option.to_string());
            }
        }
        apply_flag(option, name, values);
    }
}

void command_line::apply_set(const std::string & setting) {
    const size_t separator = setting.find('=');
    if (separator == std::string::npos) {
        throw parameter_error("--set " + setting + ": expected PATH=VALUE, such as sampling.temp=0");
    }
    const std::string text  = setting.substr(separator + 1);
    const json        value = json::parse(text, nullptr, /* allow_exceptions = */ false);
    set(setting.substr(0, separator), value.is_discarded() ? json(text) : value);
}

void command_line::apply_flag(const common_arg & option, const std::string & name,
                              const std::vector<std::string> & values) {
    std::string setting = name;
    for (const std::string & value : values) {
        setting += " " + value;
    }
    if (values.size() == 1) {
        apply_value(option, setting, values[0]);
        return;
    }
    explain(option, setting, [&] {
        if (option.handler_void) {
            option.handler_void(target_);
        } else if (option.handler_bool) {
            const bool is_positive = std::find(option.args.begin(), option.args.end(), name) != option.args.end();
            option.handler_bool(target_, is_positive);
        } else if (option.handler_str_str) {
            option.handler_str_str(target_, values[0], values[1]);
        }
    });
}

/// The first one given replaces the defaults; llama.cpp remembers for the whole process that it did so already.
void command_line::forget_default_breakers(const common_arg & option) {
    if (!has_breakers_ && has_name(option, "--dry-sequence-breaker")) {
        target_.sampling.dry_sequence_breakers.clear();
        plain_breakers_.clear();
        has_breakers_ = true;
    }
}

/// Where a device is named, llama.cpp would load every backend again, those in the working directory too.
bool command_line::apply_devices(const common_arg & option, const std::string & value) {
    const auto append_overrides = [&](std::vector<llama_model_tensor_buft_override> & overrides) {
        for (const std::string & one : string_split<std::string>(value, ',')) {
            overrides.push_back(make_element<llama_model_tensor_buft_override>(one, "", overrides.size()));
        }
    };
    if (has_name(option, "--device")) {
        type_of<std::vector<ggml_backend_dev_t>>().write(&target_.devices, value, "devices");
    } else if (has_name(option, "--spec-draft-device")) {
        type_of<std::vector<ggml_backend_dev_t>>().write(&target_.speculative.draft.devices, value, "devices");
    } else if (has_name(option, "--mmproj-device")) {
        type_of<ggml_backend_dev_t>().write(static_cast<void *>(&target_.mmproj_device), value == "none" ? "" : value,
                                            "device");
        target_.mmproj_use_gpu = value != "none";
    } else if (has_name(option, "--override-tensor")) {
        append_overrides(target_.tensor_buft_overrides);
    } else if (has_name(option, "--spec-draft-override-tensor")) {
        append_overrides(target_.speculative.draft.tensor_buft_overrides);
    } else {
        return false;
    }
    return true;
}

void command_line::finish() {
    if (target_.escape) {
        process_escapes(target_.antiprompt, plain_antiprompt_);
        process_escapes(target_.sampling.dry_sequence_breakers, plain_breakers_);
    }
    check_changes(structure_of<common_params>().read(&target_), before_);
}

const common_arg & command_line::find(const std::string & name) const {
    std::vector<std::string> known = {"--set"};
    for (const common_arg & option : options()) {
        if (has_name(option, name)) {
            return option;
        }
        for (const std::string & other : option.get_args()) {
            known.push_back(other);
        }
    }
    const std::string nearest = nearest_name(name, known);
    throw parameter_error(name + ": llama.cpp's server has no such flag" +
                          (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

}  // namespace xllamacpp
