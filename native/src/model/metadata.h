// What a GGUF file says of itself, read without its weights.
#pragma once

#include "common.h"
#include "gguf.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xllamacpp {

/// The metadata of a model, an adapter or a projector, with the user's overrides in place of the file's entries.
///
/// A file that is not there or is no GGUF has no entries: llama.cpp says better what is wrong with it.
class model_metadata {
  public:
    explicit model_metadata(const std::string & path, std::vector<llama_model_kv_override> overrides = {});

    bool is_readable() const { return static_cast<bool>(file_); }

    /// "llama", "bert", ...
    const std::string & architecture() const { return architecture_; }

    /// Entries by their whole name, or by what follows the architecture's: ".context_length". Of a list that has a
    /// value for each layer, the largest; booleans are 0 and 1.
    std::optional<double>      number(const std::string & key) const;
    std::optional<std::string> text(const std::string & key) const;

    /// How many entries a list has; 0 where there is none.
    size_t length(const std::string & key) const;

    std::vector<std::string> tensors() const;
    bool                     has_tensor(const std::string & name) const;

    /// The length of the tensor's rows.
    int64_t row_length(const std::string & tensor) const;

  private:
    std::string           whole_name(const std::string & key) const;
    int64_t               find(const std::string & key) const;
    std::optional<double> overridden_number(const std::string & key) const;

    struct deleter {
        void operator()(gguf_context * file) const { gguf_free(file); }
    };

    struct tensor_deleter {
        void operator()(ggml_context * context) const;
    };

    std::unique_ptr<gguf_context, deleter>        file_;
    std::unique_ptr<ggml_context, tensor_deleter> tensors_;
    std::vector<llama_model_kv_override>          overrides_;
    std::string                                   architecture_;
};

}  // namespace xllamacpp
