#include "grammars/schema_walk.h"

#include <cctype>

namespace xllamacpp {

namespace {

struct keyword {
    const char * name;
    schema_part  kind;
};

// Where a schema is the value.
const keyword of_one[] = {
    {"items", schema_part::inside},
    {"additionalItems", schema_part::inside},
    {"unevaluatedItems", schema_part::inside},
    {"contains", schema_part::inside},
    {"propertyNames", schema_part::inside},
    {"additionalProperties", schema_part::inside},
    {"unevaluatedProperties", schema_part::inside},
    {"not", schema_part::joined},
    {"if", schema_part::joined},
    {"then", schema_part::joined},
    {"else", schema_part::joined},
};

// Where the value is a list of schemas.
const keyword of_several[] = {
    {"prefixItems", schema_part::inside}, {"items", schema_part::inside},      {"allOf", schema_part::joined},
    {"anyOf", schema_part::alternative},  {"oneOf", schema_part::alternative},
};

// Where the value has a schema for each name.
const keyword of_names[] = {
    {"properties", schema_part::inside},       {"patternProperties", schema_part::inside},
    {"dependentSchemas", schema_part::joined}, {"$defs", schema_part::aside},
    {"definitions", schema_part::aside},
};

/// A reference is part of a URL.
std::string decode_percent(const std::string & text) {
    std::string decoded;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) && isxdigit(text[i + 2])) {
            decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

}  // namespace

const json * member_of(const json & object, const char * name) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

void for_each_part(const json & schema, const schema_visitor & visit) {
    const auto offer = [&](const json & part, const std::string & step, schema_part kind) {
        if (part.is_object()) {
            visit(part, step, kind);
        }
    };
    for (const keyword & k : of_one) {
        if (const json * part = member_of(schema, k.name)) {
            offer(*part, std::string("/") + k.name, k.kind);
        }
    }
    for (const keyword & k : of_several) {
        const json * parts = member_of(schema, k.name);
        if (parts != nullptr && parts->is_array()) {
            for (size_t i = 0; i < parts->size(); ++i) {
                offer((*parts)[i], std::string("/") + k.name + "/" + std::to_string(i), k.kind);
            }
        }
    }
    for (const keyword & k : of_names) {
        const json * parts = member_of(schema, k.name);
        if (parts != nullptr && parts->is_object()) {
            for (const auto & item : parts->items()) {
                offer(item.value(), std::string("/") + k.name + "/" + item.key(), k.kind);
            }
        }
    }
}

const json * resolve_reference(const json & document, const std::string & reference) {
    if (reference == "#") {
        return &document;
    }
    if (reference.rfind("#/", 0) != 0) {
        return nullptr;
    }
    try {
        const json::json_pointer pointer(decode_percent(reference.substr(1)));
        return document.contains(pointer) ? &document.at(pointer) : nullptr;
    } catch (const json::exception &) {
        return nullptr;
    }
}

}  // namespace xllamacpp
