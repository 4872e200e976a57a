#include "grammars/gbnf_schema.h"

#include "grammars/schema_walk.h"

#include "json-schema-to-grammar.h"
#include "json.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace xllamacpp {

namespace {

using names = std::set<std::string>;

// What says something of a value. Other keywords describe or are nobody's, and can be passed by.
const names & constraints() {
    static const names all = {
        "$ref",
        "$dynamicRef",
        "type",
        "const",
        "enum",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "properties",
        "required",
        "additionalProperties",
        "minProperties",
        "maxProperties",
        "propertyNames",
        "patternProperties",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "unevaluatedProperties",
        "items",
        "prefixItems",
        "additionalItems",
        "unevaluatedItems",
        "contains",
        "minContains",
        "maxContains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    };
    return all;
}

const names & formats() {
    static const names all = {"date", "time", "date-time", "uuid"};
    return all;
}

bool has(const json & schema, const char * keyword) { return member_of(schema, keyword) != nullptr; }

/// The keywords that llama.cpp looks at in a schema of a type; "" where it has none.
names of_type(const json & schema, const std::string & type) {
    const bool is_object = type == "object" || has(schema, "properties") || has(schema, "additionalProperties");
    if (is_object && (type == "object" || type.empty())) {
        if (has(schema, "allOf") && !has(schema, "properties") && !has(schema, "additionalProperties")) {
            return {"allOf"};
        }
        return {"properties", "required", "additionalProperties"};
    }
    if (type == "array" || (type.empty() && (has(schema, "items") || has(schema, "prefixItems")))) {
        const json * items = member_of(schema, "items");
        if (items == nullptr && has(schema, "prefixItems")) {
            return {"prefixItems"};
        }
        return items != nullptr && items->is_array() ? names{"items"} : names{"items", "minItems", "maxItems"};
    }
    if (type.empty() && has(schema, "allOf")) {
        return {"allOf"};
    }
    if (type == "string" || type.empty()) {
        if (has(schema, "pattern")) {
            return {"pattern"};
        }
        return has(schema, "format") ? names{"format"} : names{"minLength", "maxLength"};
    }
    if (type == "integer") {
        names both = {"minimum", "maximum"};
        both.insert(has(schema, "minimum") ? "minimum" : "exclusiveMinimum");
        both.insert(has(schema, "maximum") ? "maximum" : "exclusiveMaximum");
        return both;
    }
    return {};
}

names types_of(const json & schema) {
    const json * type = member_of(schema, "type");
    names        types;
    if (type != nullptr && type->is_array()) {
        for (const json & t : *type) {
            types.insert(t.is_string() ? t.get<std::string>() : "");
        }
        return types;
    }
    return {type != nullptr && type->is_string() ? type->get<std::string>() : ""};
}

names looked_at(const json & schema) {
    for (const char * keyword : {"$ref", "oneOf", "anyOf"}) {
        if (has(schema, keyword)) {
            return {keyword};
        }
    }
    names keywords = {"type"};
    for (const char * keyword : {"const", "enum"}) {
        if (has(schema, keyword)) {
            keywords.insert(keyword);
            return keywords;
        }
    }
    for (const std::string & type : types_of(schema)) {
        keywords.merge(of_type(schema, type));
    }
    return keywords;
}

class check {
  public:
    check(const json & root, const std::string & name) : root_(root), name_(name) {}

    void visit(const json & schema, const std::string & path) {
        const names keywords = looked_at(schema);
        for (const auto & item : schema.items()) {
            const bool is_idle = item.key() == "uniqueItems" && item.value() == false;
            if (constraints().count(item.key()) > 0 && keywords.count(item.key()) == 0 && !is_idle) {
                refuse(path, item.key());
            }
        }
        check_values(schema, path, keywords);
        for_each_part(schema,
                      [&](const json & part, const std::string & step, schema_part) { visit(part, path + step); });
    }

  private:
    [[noreturn]] void refuse(const std::string & path, const std::string & what) const {
        throw std::invalid_argument(name_ + ": " + path + ": " + what +
                                    " is more than llama.cpp's own grammars (GBNF) can express here");
    }

    void check_values(const json & schema, const std::string & path, const names & keywords) const {
        if (keywords.count("oneOf") > 0 && !are_told_apart(schema.at("oneOf"))) {
            refuse(path, "oneOf, where one value could be several of its schemas,");
        }
        if (keywords.count("allOf") > 0) {
            check_joined(schema.at("allOf"), path);
        }
        if (keywords.count("required") > 0 && has(schema, "required")) {
            const json * properties = member_of(schema, "properties");
            for (const json & property : schema.at("required")) {
                if (property.is_string() &&
                    (properties == nullptr || !properties->contains(property.get<std::string>()))) {
                    refuse(path, "a required property without a schema");
                }
            }
        }
        const json * const format = member_of(schema, "format");
        if (format && keywords.count("format") > 0 &&
            (!format->is_string() || formats().count(format->get<std::string>()) == 0)) {
            refuse(path, "the format " + format->dump());
        }
        if (keywords.count("pattern") > 0 && has(schema, "pattern") && is_dropped(schema.at("pattern"))) {
            refuse(path, "the pattern " + schema.at("pattern").dump());
        }
        if (const json * values = member_of(schema, "enum")) {
            check_types(*values, schema, path);
        }
        for (const char * most : {"maxLength", "maxItems"}) {
            constexpr double counted = 2000;
            if (keywords.count(most) > 0 && has(schema, most) && schema.at(most).get<double>() > counted) {
                refuse(path, std::string(most) + " above 2000");
            }
        }
    }

    /// By their types, or as constants.
    static bool are_told_apart(const json & schemas) {
        std::set<json> seen;
        for (const json & schema : schemas) {
            const json * mark = has(schema, "const") ? member_of(schema, "const") : member_of(schema, "type");
            if (mark == nullptr || mark->is_array() || !seen.insert(*mark).second) {
                return false;
            }
        }
        // A whole number is a number too.
        return seen.count("number") == 0 || seen.count("integer") == 0;
    }

    /// Objects become one, which has all their properties; other schemas are passed by.
    void check_joined(const json & schemas, const std::string & path) const {
        names properties;
        for (const json & listed : schemas) {
            const json * schema = &listed;
            if (const json * reference = member_of(listed, "$ref")) {
                schema = resolve_reference(root_, reference->get<std::string>());
            }
            const json * own = schema != nullptr ? member_of(*schema, "properties") : nullptr;
            if (own == nullptr || has(*schema, "additionalProperties") || has(*schema, "allOf")) {
                refuse(path, "allOf of what is more than the properties of objects");
            }
            for (const auto & item : own->items()) {
                if (!properties.insert(item.key()).second) {
                    refuse(path, "allOf with two schemas for one property");
                }
            }
        }
    }

    void check_types(const json & values, const json & schema, const std::string & path) const {
        const names types = types_of(schema);
        for (const json & value : values) {
            const bool is_known = types.count("") > 0 || types.count(value.type_name()) > 0 ||
                                  (value.is_number_integer() && types.count("integer") > 0);
            if (!is_known) {
                refuse(path, "enum with a value of another type");
            }
        }
    }

    /// llama.cpp takes any text where it cannot make a rule of a pattern.
    static bool is_dropped(const json & pattern) {
        const common_json schema  = common_json::parse(json{{"type", "string"}, {"pattern", pattern}}.dump());
        const std::string grammar = ::json_schema_to_grammar(schema, /* force_gbnf = */ true);
        return grammar.find("root ::= string\n") != std::string::npos;
    }

    const json &        root_;
    const std::string & name_;
};

}  // namespace

void check_gbnf_expresses(const json & schema, const std::string & name) { check(schema, name).visit(schema, "#"); }

}  // namespace xllamacpp
