// The options of llama.cpp's server, applied one at a time: what an option is called, what it takes and what it does
// all comes from llama.cpp's own table.
//
// common_params_parse would do the same, and end the process on what it cannot read. Here every mistake is an
// exception with its reason. A test holds the two against each other.
#pragma once

#include "params/value.h"

#include "arg.h"
#include "common.h"

#include <map>
#include <string>
#include <vector>

namespace xllamacpp {

bool has_name(const common_arg & option, const std::string & name);

/// Whether it prints something and ends the process, or asks the program to.
bool ends_the_process(const common_arg & option);

/// Applies options to parameters that are not the ones the options were made with: making them asserts things about
/// those (no number of GPU layers, say) that a caller may well have set.
class command_line {
  public:
    explicit command_line(common_params & target);

    /// What making the options sets for a server, where it was not set before.
    void take_server_defaults();

    /// The system's file of llama.cpp's settings, then the user's.
    void apply_config_files();

    /// Variables of llama.cpp's, and XLLAMACPP_SET: a JSON object with a value for each dotted path.
    void apply_environment(const std::map<std::string, std::string> & environment);

    /// Flags of llama.cpp's with their values, and `--set PATH=VALUE`, whose value is JSON, or a string where it is
    /// not.
    void apply_arguments(const std::vector<std::string> & arguments);

    /// A single option with a single value, as the environment has it.
    void apply_value(const common_arg & option, const std::string & setting, const std::string & value);

    /// Reads "\n" and the like in texts that came from outside, and checks every value against the table.
    void finish();

    static const std::vector<common_arg> & options();

  private:
    const common_arg & find(const std::string & name) const;
    void apply_flag(const common_arg & option, const std::string & name, const std::vector<std::string> & values);
    void apply_set(const std::string & setting);
    bool apply_devices(const common_arg & option, const std::string & value);
    void check_variables(const std::map<std::string, std::string> & environment) const;
    void set(const std::string & path, const json & value);
    void forget_default_breakers(const common_arg & option);

    common_params & target_;
    json            before_;
    bool            has_breakers_ = false;
    // What of these is known to have no escapes: it was set by a program, or by --set.
    std::vector<std::string> plain_antiprompt_;
    std::vector<std::string> plain_breakers_;
};

}  // namespace xllamacpp
