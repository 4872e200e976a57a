// Everything that can be set on a server: llama.cpp's common_params, reached by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace xllamacpp {

/// Owns one set of llama.cpp's parameters. Fields are named by dotted path and travel as JSON text.
///
/// "n_ctx", "sampling.temp", "lora_adapters.0.scale": the names are llama.cpp's, and the elements of a list go by
/// index. Whatever names or holds something wrong throws std::invalid_argument and changes nothing. Needs no ggml
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

    /// Applies the command line of llama.cpp's server: its config files, its environment variables, then `arguments`
    /// (without a program's name), each through llama.cpp's own table of options.
    ///
    /// Flags that print something and end the process are refused. Load the backends before: some options name
    /// devices. What an option does outside of these parameters (to the log, say) stays done after a failure.
    void parse_arguments(const std::vector<std::string> & arguments);

    /// Every flag of llama.cpp's server with its help, in llama.cpp's four groups.
    static std::string usage();

    /// The table that all of this is made from, as JSON: "structures" (name -> list of fields), "omitted" (members
    /// that have no field, and why), "aliases" (older names) and "enums" (name -> enumerators).
    static std::string table();

    struct native;
    native &       get_native();
    const native & get_native() const;

  private:
    std::unique_ptr<native> native_;
};

}  // namespace xllamacpp
