// Everything that can be set on a server: llama.cpp's common_params, reached by name.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace xllamacpp {

/// A parameter has a wrong name or value, or does not go with the others or with the model; the text says what to set.
class parameter_error : public std::invalid_argument {
  public:
    using std::invalid_argument::invalid_argument;
};

/// What parse_arguments reads besides its arguments.
enum class argument_sources {
    arguments_only,
    all,  ///< llama.cpp's config files and the process' environment first, as llama.cpp's own programs do.
};

/// Owns one set of llama.cpp's parameters. Fields are named by dotted path and travel as JSON text.
///
/// "n_ctx", "sampling.temp", "lora_adapters.0.scale": the names are llama.cpp's, and the elements of a list go by
/// index. Whatever names or holds something wrong throws a parameter_error and changes nothing. Needs no ggml
/// backend, except where parse_arguments is given a device.
class params {
  public:
    /// llama.cpp's defaults, but for `port`: 0, a free one.
    params();
    ~params();
    params(const params & other);
    params & operator=(const params & other);
    params(params && other) noexcept;
    params & operator=(params && other) noexcept;

    /// The value at `path`; "" gives every field. Floats leave as their shortest decimal.
    std::string get(const std::string & path) const;

    /// Sets the value at `path`. A structure or a list is replaced as a whole: what is not named is the default again.
    void set(const std::string & path, const std::string & json);

    /// Applies the command line of llama.cpp's server, each flag through llama.cpp's own table of options.
    ///
    /// `arguments` come without a program's name. Besides llama.cpp's flags there is `--set PATH=VALUE`, for every
    /// field by its path; the value is JSON, or a string where it is not. Flags that print something and end the
    /// process are refused. Load the backends before: some options name devices. What an option does outside of these
    /// parameters (to the log, say) stays done after a failure.
    void parse_arguments(const std::vector<std::string> & arguments, argument_sources sources = argument_sources::all);

    /// Applies llama.cpp's environment variables, and XLLAMACPP_SET: a JSON object of values by path.
    ///
    /// A variable that begins with LLAMA_ARG_ and is none of the server's is refused.
    void parse_environment(const std::map<std::string, std::string> & environment);

    /// Throws where llama.cpp would abort, hang or misbehave on what is set, and says what to set instead. What a
    /// single field may hold is checked by set() already, what depends on the model when it is loaded.
    void check() const;

    /// llama.cpp's own text on the sampling parameters.
    std::string print_sampling() const;

    /// Arguments and variables that make these parameters out of llama.cpp's defaults: llama.cpp's own flags and
    /// variables where one says it exactly, else --set and XLLAMACPP_SET.
    std::vector<std::string>           to_arguments() const;
    std::map<std::string, std::string> to_environment() const;

    /// Every flag of llama.cpp's server with its help, in llama.cpp's four groups.
    static std::string usage();

    /// The table that all of this is made from, as JSON: "structures" (name -> list of fields), "omitted" (members
    /// that have no field, and why), "aliases" (older names), "enums" (name -> enumerators), "words" (name -> texts
    /// that stand for an enumerator), "constants", "rules"
    /// (fields and advice) and "request_options" (older name -> today's).
    static std::string table();

    struct native;
    native &       get_native();
    const native & get_native() const;

  private:
    std::unique_ptr<native> native_;
};

}  // namespace xllamacpp
