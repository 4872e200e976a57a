// The parts of a JSON schema, for those that look it through.
#pragma once

#include "params/value.h"

#include <functional>
#include <string>

namespace xllamacpp {

/// How a schema belongs to the one that it stands in.
enum class schema_part {
    inside,       ///< Of a value inside the value: a property, an item.
    joined,       ///< Of the same value, with others: allOf.
    alternative,  ///< Of the same value, or another one is: anyOf, oneOf.
    aside,        ///< Of no value by itself: a definition.
};

using schema_visitor = std::function<void(const json & part, const std::string & step, schema_part kind)>;

/// Calls `visit` for each schema directly inside this one; `step` leads there: "/properties/a". Schemas that are true
/// or false have no parts and are not visited.
void for_each_part(const json & schema, const schema_visitor & visit);

/// What a "$ref" of a document means, or null where there is no such thing in it.
const json * resolve_reference(const json & document, const std::string & reference);

/// The member of that name, or null.
const json * member_of(const json & object, const char * name);

}  // namespace xllamacpp
