// Parameters from a command line, an environment and llama.cpp's own config files.
#include "xllamacpp/params.h"

#include "params/command_line.h"
#include "params/native.h"

#include "arg.h"

#ifdef _WIN32
#    include <cstdlib>
#elif defined(__APPLE__)
#    include <crt_externs.h>
#else
extern char ** environ;
#endif

namespace xllamacpp {

namespace {

char ** environment_block() {
#ifdef _WIN32
    return _environ;
#elif defined(__APPLE__)
    // A shared library there is not linked to `environ`.
    return *_NSGetEnviron();
#else
    return environ;
#endif
}

/// Everything that getenv would find.
std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> all;
    for (char ** variable = environment_block(); variable && *variable; ++variable) {
        const std::string text      = *variable;
        const size_t      separator = text.find('=');
        if (separator != std::string::npos) {
            all[text.substr(0, separator)] = text.substr(separator + 1);
        }
    }
    return all;
}

}  // namespace

void params::parse_arguments(const std::vector<std::string> & arguments, argument_sources sources) {
    common_params parsed = native_->value;
    command_line  line(parsed);
    line.take_server_defaults();
    if (sources == argument_sources::all) {
        line.apply_config_files();
        line.apply_environment(process_environment());
    }
    line.apply_arguments(arguments);
    line.finish();
    native_->value = std::move(parsed);
}

void params::parse_environment(const std::map<std::string, std::string> & environment) {
    common_params parsed = native_->value;
    command_line  line(parsed);
    line.take_server_defaults();
    line.apply_environment(environment);
    line.finish();
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
        if (!ends_the_process(option)) {
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
