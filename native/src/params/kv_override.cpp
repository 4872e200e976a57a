// An entry of a model's metadata that is set by hand: a key and a value that is a number, a truth value or a string.
#include "params/fields.h"

#include "llama.h"

#include <cstring>

namespace xllamacpp {

namespace {

using self = llama_model_kv_override;

void set_text(char (&target)[128], const json & given, const std::string & path) {
    std::string text;
    type_of<std::string>().write(&text, given, path);
    if (text.size() >= sizeof(target)) {
        refuse(path, given, "a string of at most " + std::to_string(sizeof(target) - 1) + " bytes");
    }
    std::memset(target, 0, sizeof(target));
    std::memcpy(target, text.data(), text.size());
}

/// `value` is the whole override.
class key_type final : public value_type {
  public:
    json read(const void * value) const override { return static_cast<const self *>(value)->key; }

    void write(void * value, const json & given, const std::string & path) const override {
        // llama.cpp takes an empty key for the end of the list.
        if (given.is_string() && given.get_ref<const std::string &>().empty()) {
            refuse(path, given, expected());
        }
        set_text(static_cast<self *>(value)->key, given, path);
    }

    json        describe() const override { return type_of<std::string>().describe(); }
    std::string expected() const override { return "the name of a metadata entry"; }
};

/// `value` is the whole override: one of the members of its union, by its tag.
class scalar_type final : public value_type {
  public:
    json read(const void * value) const override {
        const self & o = *static_cast<const self *>(value);
        switch (o.tag) {
            case LLAMA_KV_OVERRIDE_TYPE_INT:   return o.val_i64;
            case LLAMA_KV_OVERRIDE_TYPE_FLOAT: return o.val_f64;
            case LLAMA_KV_OVERRIDE_TYPE_BOOL:  return o.val_bool;
            default:                           return o.val_str;
        }
    }

    void write(void * value, const json & given, const std::string & path) const override {
        self & o = *static_cast<self *>(value);
        if (given.is_boolean()) {
            o.tag      = LLAMA_KV_OVERRIDE_TYPE_BOOL;
            o.val_bool = given.get<bool>();
        } else if (given.is_number_integer()) {
            type_of<int64_t>().write(&o.val_i64, given, path);
            o.tag = LLAMA_KV_OVERRIDE_TYPE_INT;
        } else if (given.is_number_float()) {
            o.tag     = LLAMA_KV_OVERRIDE_TYPE_FLOAT;
            o.val_f64 = given.get<double>();
        } else if (given.is_string()) {
            o.tag = LLAMA_KV_OVERRIDE_TYPE_STR;
            set_text(o.val_str, given, path);
        } else {
            refuse(path, given, expected());
        }
    }

    json        describe() const override { return {{"kind", "scalar"}}; }
    std::string expected() const override { return "a number, a string, true or false"; }
};

llama_model_kv_override_type get_tag(const self & o) { return o.tag; }

void set_tag(self & o, const llama_model_kv_override_type & wanted) {
    if (o.tag == LLAMA_KV_OVERRIDE_TYPE_INT && wanted == LLAMA_KV_OVERRIDE_TYPE_FLOAT) {
        o.val_f64 = static_cast<double>(o.val_i64);
        o.tag     = wanted;
    }
    if (o.tag != wanted) {
        throw parameter_error("tag: follows from the value: assign a value of another type instead");
    }
}

/// "KEY=TYPE:VALUE", as --override-kv has it.
void parse(self & o, const std::string & text, const std::string & path) {
    std::vector<self> parsed;
    if (!string_parse_kv_override(text.c_str(), parsed) || parsed[0].key[0] == 0) {
        refuse(path, text, "KEY=TYPE:VALUE with the type int, float, bool or str, such as \"general.name=str:x\"");
    }
    o = parsed[0];
}

}  // namespace

template <> llama_model_kv_override default_of<llama_model_kv_override>() {
    llama_model_kv_override fresh{};
    // An empty key would end the list.
    std::strcpy(fresh.key, "key");
    return fresh;
}

template <> const structure_type & structure_of<llama_model_kv_override>() {
    static const auto all = make_structure<self>("llama_model_kv_override", [](structure<self> & s) {
        s.computed_row("key", std::make_shared<key_type>(),
                       "The entry's name, such as `tokenizer.ggml.add_bos_token`.");
        s.computed_row("value", std::make_shared<scalar_type>(), "What counts in place of the file's value.");
        for (const char * member : {"val_i64", "val_f64", "val_bool", "val_str"}) {
            s.omit(member, "a part of a union: `value` is the part that `tag` names");
        }
        s.alias<llama_model_kv_override_type>("tag", "value", get_tag, set_tag,
                                              "The type of `value`, which follows from what is assigned to it.");
        s.from_text = parse;
    });
    return all;
}

}  // namespace xllamacpp
