// The table of parameters: which fields a structure of llama.cpp has, which names an enumeration.
//
// A structure is described once, by the rows of a describe_* function in one of the params_fields_*.cpp. Reading,
// writing, messages, the Python classes, the type stubs and the reference pages are all made from those rows. What is
// a default is not written there: it is what llama.cpp's constructor says.
#pragma once

#include "params/enums.h"
#include "params/value.h"

#include "common.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xllamacpp {

/// A member of a structure, or another way to name one.
class field {
  public:
    json read(const void * owner) const { return type->read(access(const_cast<void *>(owner))); }
    void write(void * owner, const json & given, const std::string & path) const;

    /// For table().
    json describe() const;

    std::string        name;
    const value_type * type = nullptr;
    // An alias, or a computed row, has a type that no other field has.
    std::shared_ptr<const value_type> own;
    std::string                       doc;
    std::string                       group;
    std::string                       unit;
    std::string                       flag;    ///< The flag of llama.cpp's server that sets it.
    std::string                       target;  ///< Set for an alias: what it stands for.

    std::string example;  ///< JSON: a value that somebody might set.

    std::optional<double> min;
    std::optional<double> max;
    std::vector<int64_t>  choices;

    size_t length         = 0;      ///< Where not 0, a list of just this length; one value given counts for all.
    bool   whole          = false;  ///< A whole number.
    bool   non_empty      = false;
    bool   non_zero       = false;
    bool   above_zero     = false;
    bool   minus_infinite = false;
    bool   json_text      = false;
    bool   json_values    = false;
    bool   secret         = false;
    bool   bookkeeping    = false;
    bool   changed        = false;  ///< An alias that says less than its target can hold.

    std::function<void *(void *)>            access;
    std::function<void(void *)>              after_write;
    std::function<json(const std::string &)> from_text;

  private:
    json spread(const json & given, const std::string & path) const;
    void check_given(const json & given, const std::string & path) const;
    void check_stored(const json & stored, const json & given, const std::string & path) const;
};

/// Follows a dotted path down from a value of type `root`.
part find_part(const value_type & root, void * value, const std::string & path);

/// Writes through the checks of the field that the part is, if it is one.
void write_part(const part & target, const json & given, const std::string & path);

/// Whether an older name still says all that its field of today can hold. Using one that does not is warned about.
enum class meaning { same, changed };

/// What a row says besides its name and its text: attributes.h has them.
using attribute = std::function<void(field &)>;

class structure_type : public value_type {
  public:
    json        read(const void * value) const override;
    json        describe() const override;
    std::string expected() const override;
    part        find(void * value, const std::string & key, const std::string & path) const override;

    const field * field_named(const std::string & name) const;

    /// Whether a string can stand for the whole structure.
    virtual bool takes_text() const = 0;

    std::string                                      name;
    std::vector<field>                               fields;
    std::vector<std::pair<std::string, std::string>> omitted;

  protected:
    void write_fields(void * value, const json & given, const std::string & path) const;
};

/// The description of structure S; one specialisation per structure, in the file that has its rows.
template <class S> const structure_type & structure_of();

/// The rows of structure S.
template <class S> class structure final : public structure_type {
  public:
    void write(void * value, const json & given, const std::string & path) const override {
        S fresh = default_of<S>();
        if (from_text && given.is_string()) {
            std::string text;
            type_of<std::string>().write(&text, given, path);
            from_text(fresh, text, path);
        } else {
            write_fields(&fresh, given, path);
        }
        *static_cast<S *>(value) = std::move(fresh);
    }

    /// The rows that follow belong under this heading of the reference.
    void group(const char * heading) { group_ = heading; }

    template <class T>
    void row(const char * member_name, T S::* member, const char * doc,
             const std::vector<attribute> & attributes = {}) {
        field f;
        f.name   = member_name;
        f.type   = &type_of<T>();
        f.whole  = std::is_integral_v<T> && !std::is_same_v<T, bool>;
        f.doc    = doc;
        f.group  = group_;
        f.access = [member](void * owner) { return static_cast<void *>(&(static_cast<S *>(owner)->*member)); };
        for (const attribute & set : attributes) {
            set(f);
        }
        fields.push_back(std::move(f));
    }

    /// A member whose C++ type alone does not say how to read it: `type` is given the whole structure.
    void computed_row(const char * member_name, std::shared_ptr<const value_type> type, const char * doc) {
        add_owned(member_name, std::move(type), doc);
    }

    /// A member that cannot be a field, and why.
    void omit(const char * member_name, const char * reason) { omitted.emplace_back(member_name, reason); }

    /// Another name for the fields at `targets`, all of the same type: reads the first and writes every one.
    void alias(const char * alias_name, const std::vector<std::string> & targets, const char * doc,
               meaning change = meaning::same);

    /// A name whose value, of type T, is worked out from `target` by `get` and spread by `set`.
    template <class T>
    void alias(const char * alias_name, const char * target, T (*get)(const S &), void (*set)(S &, const T &),
               const char * doc, meaning change = meaning::same);

    /// Lets a string stand for the whole structure, at the path that is the last argument.
    std::function<void(S &, const std::string &, const std::string &)> from_text;

    bool takes_text() const override { return static_cast<bool>(from_text); }

  private:
    field & add_owned(const char * field_name, std::shared_ptr<const value_type> type, const char * doc);

    std::string group_;
};

/// The type of an alias for other fields of structure S: `value` is the structure.
template <class S> class redirected_type final : public value_type {
  public:
    explicit redirected_type(std::vector<std::string> targets) : targets_(std::move(targets)) {}

    json read(const void * value) const override {
        const part found = target(const_cast<void *>(value), targets_.front());
        return found.type->read(found.value);
    }

    void write(void * value, const json & given, const std::string & path) const override {
        for (const std::string & one : targets_) {
            write_part(target(value, one), given, path);
        }
    }

    part find(void * value, const std::string & key, const std::string & path) const override {
        const part found = target(value, targets_.front());
        return found.type->find(found.value, key, path);
    }

    json describe() const override {
        S fresh = default_of<S>();
        return target(&fresh, targets_.front()).via->describe().at("type");
    }

    std::string expected() const override { return "the value of " + targets_.front(); }

  private:
    part target(void * value, const std::string & path) const { return find_part(structure_of<S>(), value, path); }

    std::vector<std::string> targets_;
};

/// The type of an alias that is worked out: `value` is the structure.
template <class S, class T> class derived_type final : public value_type {
  public:
    using getter = T (*)(const S &);
    using setter = void (*)(S &, const T &);

    derived_type(getter get, setter set) : get_(get), set_(set) {}

    json read(const void * value) const override {
        const T current = get_(*static_cast<const S *>(value));
        return type_of<T>().read(&current);
    }

    void write(void * value, const json & given, const std::string & path) const override {
        T wanted{};
        type_of<T>().write(&wanted, given, path);
        set_(*static_cast<S *>(value), wanted);
    }

    json        describe() const override { return type_of<T>().describe(); }
    std::string expected() const override { return type_of<T>().expected(); }

  private:
    getter get_;
    setter set_;
};

template <class S>
void structure<S>::alias(const char * alias_name, const std::vector<std::string> & targets, const char * doc,
                         meaning change) {
    field & f = add_owned(alias_name, std::make_shared<redirected_type<S>>(targets), doc);
    f.changed = change == meaning::changed;
    for (const std::string & path : targets) {
        f.target += (f.target.empty() ? "" : ", ") + path;
    }
}

template <class S>
template <class T>
void structure<S>::alias(const char * alias_name, const char * target, T (*get)(const S &), void (*set)(S &, const T &),
                         const char * doc, meaning change) {
    field & f = add_owned(alias_name, std::make_shared<derived_type<S, T>>(get, set), doc);
    f.changed = change == meaning::changed;
    f.target  = target;
}

template <class S>
field & structure<S>::add_owned(const char * field_name, std::shared_ptr<const value_type> type, const char * doc) {
    field f;
    f.name   = field_name;
    f.type   = type.get();
    f.own    = std::move(type);
    f.doc    = doc;
    f.group  = group_;
    f.access = [](void * owner) { return owner; };
    fields.push_back(std::move(f));
    return fields.back();
}

/// Every structure, the whole of common_params first.
std::vector<const structure_type *> structures();

template <class T> struct type_maker {
    static const value_type & get() {
        if constexpr (std::is_same_v<T, bool>) {
            static const boolean_type type;
            return type;
        } else if constexpr (std::is_enum_v<T>) {
            static const enum_type<T> type;
            return type;
        } else if constexpr (std::is_integral_v<T>) {
            static const integer_type<T> type;
            return type;
        } else if constexpr (std::is_floating_point_v<T>) {
            static const real_type<T> type;
            return type;
        } else if constexpr (std::is_same_v<T, std::string>) {
            static const text_type type;
            return type;
        } else {
            return structure_of<T>();
        }
    }
};

template <class T> struct type_maker<std::vector<T>> {
    static const value_type & get() {
        static const list_type<T> type;
        return type;
    }
};

template <class T, size_t N> struct type_maker<T[N]> {
    static const value_type & get() {
        static const array_type<T, N> type;
        return type;
    }
};

template <class T> struct type_maker<std::set<T>> {
    static const value_type & get() {
        static const set_type<T> type;
        return type;
    }
};

template <> struct type_maker<std::map<std::string, std::string>> {
    static const value_type & get() {
        static const text_map_type type;
        return type;
    }
};

template <class T> const value_type & type_of() { return type_maker<T>::get(); }

}  // namespace xllamacpp
