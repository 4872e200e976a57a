// The enumerations of llama.cpp's parameters: their names, and their values as JSON.
#pragma once

#include "params/value.h"

#include <string>
#include <vector>

namespace xllamacpp {

struct enumerator {
    const char * name;
    int64_t      value;
    bool         is_count = false;  ///< Marks the end of the list: there, but no value to set.
};

struct enumeration {
    const char *            name;
    std::vector<enumerator> values;

    /// Takes the whole name, and what is left of it without what all names begin with, in any case: "last".
    const enumerator * by_name(const std::string & name) const;
    const enumerator * by_value(int64_t value) const;
    std::string        names() const;
    std::string        short_name(const enumerator & e) const;  ///< "last" for LLAMA_POOLING_TYPE_LAST.

  private:
    size_t prefix_length() const;
};

/// Every enumeration, in the order of the reference; enumeration_named throws std::logic_error where there is none.
const std::vector<enumeration> & enumerations();
const enumeration &              enumeration_named(const std::string & name);

/// The constants of llama.cpp's that belong to its parameters.
const std::vector<enumerator> & constants();

/// The name of the enumeration E.
template <class E> const char * name_of();

/// Reads the enumerator that `given` names, by its number or its name.
int64_t read_enumerator(const enumeration & e, const json & given, const std::string & path);

template <class E> class enum_type final : public value_type {
  public:
    json read(const void * value) const override { return static_cast<int64_t>(*static_cast<const E *>(value)); }

    void write(void * value, const json & given, const std::string & path) const override {
        *static_cast<E *>(value) = static_cast<E>(read_enumerator(all_, given, path));
    }

    json        describe() const override { return {{"kind", "enum"}, {"name", all_.name}}; }
    std::string expected() const override { return "one of " + all_.names(); }

  private:
    const enumeration & all_ = enumeration_named(name_of<E>());
};

}  // namespace xllamacpp
