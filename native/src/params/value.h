// How the C++ types of llama.cpp's parameters leave as JSON, and how they come back: checked.
#pragma once

#include "xllamacpp/params.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace xllamacpp {

using json = nlohmann::ordered_json;

/// Throws a parameter_error: "<path>: expected <expected>, got <given>; did you mean <nearest>?"
[[noreturn]] void refuse(const std::string & path, const json & given, const std::string & expected,
                         const std::string & nearest = "");

/// The known name that is most like `wrong`, or "" where none is near.
std::string nearest_name(const std::string & wrong, const std::vector<std::string> & known);

class field;
class value_type;

/// A value inside common_params, and how to treat it.
struct part {
    const value_type * type;
    void *             value;
    // Set where the value is a field: writing goes through the field's own checks.
    const field * via   = nullptr;
    void *        owner = nullptr;
};

/// One C++ type. `value` always points to an object of it.
class value_type {
  public:
    virtual ~value_type() = default;

    virtual json read(const void * value) const                                          = 0;
    virtual void write(void * value, const json & given, const std::string & path) const = 0;

    /// For table(): {"kind": ...} and what the kind needs.
    virtual json describe() const = 0;

    /// For messages: "a whole number from 0 to 65535".
    virtual std::string expected() const = 0;

    /// The field or element `key` of the value at `path`; throws where there is none.
    virtual part find(void * value, const std::string & key, const std::string & path) const;
};

/// The one description of T; table.h has it for structures and enumerations.
template <class T> const value_type & type_of();

/// What a new T holds: llama.cpp's defaults. Specialised where its constructor leaves something open.
template <class T> T default_of() { return T{}; }

/// Throws a parameter_error where `key` is not an index below `size`.
size_t parse_index(const std::string & key, size_t size, const std::string & path);

/// The shortest decimal that reads back as the same float.
json shortest_decimal(float value);

/// Reads a JSON number, or "inf" and "-inf", which JSON has no number for.
double read_number(const json & given, double largest, const std::string & path);

class boolean_type final : public value_type {
  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

class text_type final : public value_type {
  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

template <class T> class integer_type final : public value_type {
    using limits = std::numeric_limits<T>;

  public:
    json read(const void * value) const override { return *static_cast<const T *>(value); }

    void write(void * value, const json & given, const std::string & path) const override {
        if (!fits(given)) {
            refuse(path, given, expected());
        }
        *static_cast<T *>(value) = given.get<T>();
    }

    json describe() const override { return {{"kind", "integer"}, {"min", limits::min()}, {"max", limits::max()}}; }

    std::string expected() const override {
        return "a whole number from " + std::to_string(limits::min()) + " to " + std::to_string(limits::max());
    }

  private:
    static bool fits(const json & given) {
        if (!given.is_number_integer()) {
            return false;
        }
        // JSON's integers come as int64_t where negative, else as uint64_t.
        if (!given.is_number_unsigned() && given.get<int64_t>() < 0) {
            return given.get<int64_t>() >= static_cast<int64_t>(limits::min());
        }
        return given.get<uint64_t>() <= static_cast<uint64_t>(limits::max());
    }
};

template <class T> class real_type final : public value_type {
  public:
    json read(const void * value) const override {
        const T number = *static_cast<const T *>(value);
        if (!std::isfinite(number)) {
            return number > 0 ? "inf" : number < 0 ? "-inf" : "nan";
        }
        if constexpr (std::is_same_v<T, float>) {
            return shortest_decimal(number);
        } else {
            return number;
        }
    }

    void write(void * value, const json & given, const std::string & path) const override {
        *static_cast<T *>(value) =
            static_cast<T>(read_number(given, static_cast<double>(std::numeric_limits<T>::max()), path));
    }

    json        describe() const override { return {{"kind", "number"}}; }
    std::string expected() const override { return "a number"; }
};

/// Reads and writes a container whose elements are all of type T, in order.
template <class T, class Container> json read_all(const Container & values) {
    json out = json::array();
    for (const T & element : values) {
        out.push_back(type_of<T>().read(&element));
    }
    return out;
}

template <class T> T make_element(const json & given, const std::string & path, size_t index) {
    T element = default_of<T>();
    type_of<T>().write(static_cast<void *>(&element), given, path + "." + std::to_string(index));
    return element;
}

template <class T> class list_type final : public value_type {
    using list = std::vector<T>;

  public:
    json read(const void * value) const override { return read_all<T>(*static_cast<const list *>(value)); }

    void write(void * value, const json & given, const std::string & path) const override {
        if (!given.is_array()) {
            refuse(path, given, expected());
        }
        list values;
        for (size_t i = 0; i < given.size(); ++i) {
            values.push_back(make_element<T>(given[i], path, i));
        }
        *static_cast<list *>(value) = std::move(values);
    }

    json        describe() const override { return {{"kind", "list"}, {"of", type_of<T>().describe()}}; }
    std::string expected() const override { return "a list, each element of it " + type_of<T>().expected(); }

    part find(void * value, const std::string & key, const std::string & path) const override {
        list & values = *static_cast<list *>(value);
        return {&type_of<T>(), &values[parse_index(key, values.size(), path)]};
    }
};

template <class T, size_t N> class array_type final : public value_type {
  public:
    json read(const void * value) const override { return read_all<T>(*static_cast<const T(*)[N]>(value)); }

    /// A shorter list sets the first elements; the others get the default again.
    void write(void * value, const json & given, const std::string & path) const override {
        if (!given.is_array() || given.size() > N) {
            refuse(path, given, expected());
        }
        T * const values = *static_cast<T(*)[N]>(value);
        for (size_t i = 0; i < N; ++i) {
            values[i] = i < given.size() ? make_element<T>(given[i], path, i) : default_of<T>();
        }
    }

    json describe() const override { return {{"kind", "array"}, {"of", type_of<T>().describe()}, {"length", N}}; }

    std::string expected() const override {
        return "a list of at most " + std::to_string(N) + ", each element of it " + type_of<T>().expected();
    }

    part find(void * value, const std::string & key, const std::string & path) const override {
        return {&type_of<T>(), &(*static_cast<T(*)[N]>(value))[parse_index(key, N, path)]};
    }
};

template <class T> class set_type final : public value_type {
    using set = std::set<T>;

  public:
    json read(const void * value) const override { return read_all<T>(*static_cast<const set *>(value)); }

    void write(void * value, const json & given, const std::string & path) const override {
        if (!given.is_array()) {
            refuse(path, given, expected());
        }
        set values;
        for (size_t i = 0; i < given.size(); ++i) {
            values.insert(make_element<T>(given[i], path, i));
        }
        *static_cast<set *>(value) = std::move(values);
    }

    json        describe() const override { return {{"kind", "set"}, {"of", type_of<T>().describe()}}; }
    std::string expected() const override {
        return "a list without an order, each element of it " + type_of<T>().expected();
    }
};

class text_map_type final : public value_type {
  public:
    json        read(const void * value) const override;
    void        write(void * value, const json & given, const std::string & path) const override;
    json        describe() const override;
    std::string expected() const override;
};

}  // namespace xllamacpp
