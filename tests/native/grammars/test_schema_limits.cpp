#include "grammars/gbnf_schema.h"
#include "requests/json_limits.h"
#include "grammars/lark.h"
#include "grammars/schema_limits.h"
#include "grammars/schema_walk.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace xllamacpp;

namespace {

template <typename check> std::string problem(const check & look) {
    try {
        look();
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "none";
}

std::string of_schema(const std::string & schema, schema_target target = schema_target::gbnf) {
    return problem([&] { check_schema_limits(json::parse(schema), "s", target); });
}

std::string of_keywords(const std::string & schema) {
    return problem([&] { check_gbnf_expresses(json::parse(schema), "s"); });
}

TEST(JsonLimits, CountLevelsMembersAndValues) {
    const auto of = [](const std::string & text) { return problem([&] { check_json_limits(text, "it"); }); };
    EXPECT_EQ(of(std::string(200, '[')), "none") << "whether it is JSON is not asked";
    EXPECT_EQ(of(std::string(201, '[')), "it nests its objects and lists deeper than 200 levels");
    EXPECT_EQ(of("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\""), "none") << "a text";
    std::string wide;
    for (int i = 0; i < 10010; ++i) {
        wide += "\"" + std::to_string(i) + "\":0,";
    }
    EXPECT_NE(of("{" + wide + "}").find("10000 in one object"), std::string::npos);
    EXPECT_NE(of("[" + std::string(4000001, ',')).find("more than 4000000 values"), std::string::npos);
}

TEST(SchemaWalk, ResolvesReferencesInTheDocument) {
    const json document = json::parse(R"({"$defs":{"a b":{"x":1},"c/d":[{"y":2}]}})");
    EXPECT_EQ(*resolve_reference(document, "#/$defs/a%20b"), json::parse(R"({"x":1})"));
    EXPECT_EQ(*resolve_reference(document, "#/$defs/c~1d/0"), json::parse(R"({"y":2})"));
    EXPECT_EQ(*resolve_reference(document, "#"), document);
    for (const char * nowhere : {"#/$defs/z", "#name", "other.json#/a", "", "#/$defs/c~1d/x"}) {
        EXPECT_EQ(resolve_reference(document, nowhere), nullptr) << nowhere;
    }
}

TEST(SchemaLimits, NameThePlaceAndTheLimit) {
    EXPECT_EQ(of_schema(R"({"properties":{"a":{"minLength":3,"maxLength":2}}})"),
              "s: #/properties/a: minLength is above maxLength: no value can be both");
    EXPECT_EQ(of_schema(R"({"items":{"type":["null","null"]}})"), "s: #/items: type names a type twice");
    EXPECT_EQ(of_schema(R"({"minItems":2001})"),
              "s: #: asks for too many; at least 2000 is the most that can be asked for");
    EXPECT_EQ(of_schema(R"({"minItems":2001})", schema_target::llguidance), "none");
    EXPECT_EQ(of_schema(R"({"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/a"}]}}})"),
              "s: #/$defs/a: refers to itself with nothing in between");
    EXPECT_EQ(of_schema(R"({"properties":{"a":{"$ref":"#"}}})"), "none");
    EXPECT_EQ(of_schema(R"({"properties":{"a":{"allOf":[{"$ref":"#"}]}}})"), "s: #: refers to itself inside allOf");
    EXPECT_EQ(of_schema(R"({"multipleOf":0.01})"), "none");
    EXPECT_NE(of_schema(R"({"multipleOf":100003})").find("at most 100000"), std::string::npos);
    EXPECT_NE(of_schema(R"({"items":{"$id":"b"}})").find("$id is taken at the root alone"), std::string::npos);
    for (const char * braces : {"{9,3}", "{1000000}", "{0,2001}", "{3000,}"}) {
        EXPECT_NE(of_schema("{\"pattern\":\"^a" + std::string(braces) + "$\"}").find("a pattern repeats"),
                  std::string::npos)
            << braces;
    }
    EXPECT_EQ(of_schema(R"({"pattern":"^a{3}b{,4}c{5,}d{6,7}{e$"})"), "none");
}

TEST(GbnfExpresses, WhatLlamaCppLooksAt) {
    for (const char * schema : {
             R"({"type":"object","properties":{"a":{"type":"string","maxLength":9}},"required":["a"]})",
             R"({"type":["string","null"],"pattern":"^[a-z]+$","description":"x"})",
             R"({"oneOf":[{"type":"string"},{"type":"null"}]})",
             R"({"enum":["a","b"],"type":"string"})",
             R"({"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]})",
             R"({"type":"array","items":{"type":"integer","minimum":1,"exclusiveMaximum":9},"uniqueItems":false})",
         }) {
        EXPECT_EQ(of_keywords(schema), "none") << schema;
    }
    const std::pair<const char *, const char *> dropped[] = {
        {R"({"type":"number","minimum":1})", "minimum"},
        {R"({"type":"integer","multipleOf":2})", "multipleOf"},
        {R"({"type":"string","format":"email"})", "email"},
        {R"({"type":"string","pattern":"\\d+"})", "the pattern"},
        {R"({"type":"string","pattern":"^a$","maxLength":2})", "maxLength"},
        {R"({"type":"object","required":["a"]})", "without a schema"},
        {R"({"type":"array","uniqueItems":true})", "uniqueItems"},
        {R"({"oneOf":[{"type":"number"},{"type":"integer"}]})", "oneOf"},
        {R"({"allOf":[{"type":"integer"}]})", "allOf"},
        {R"({"$ref":"#/$defs/a","minimum":1,"$defs":{"a":{}}})", "minimum"},
        {R"({"enum":["a"],"type":"integer"})", "enum"},
        {R"({"maxLength":5000})", "above 2000"},
    };
    for (const auto & [schema, named] : dropped) {
        EXPECT_NE(of_keywords(schema).find(named), std::string::npos) << schema << ": " << of_keywords(schema);
    }
}

TEST(LarkLimits, LookAtTheSchemasInside) {
    const auto of = [](const std::string & text) {
        return problem([&] { check_lark_limits("%llguidance {}\n" + text); });
    };
    EXPECT_EQ(of("start: %json {\"a\":\"}\",\"type\":\"object\"} \"&\" /~&/ // & ~\n"), "none");
    EXPECT_EQ(of("start: A~2 B ~3..4\n"), "none") << "a repetition";
    EXPECT_EQ(of("start: \"x\" %json {\"items\":{\"$ref\":\"#/items\"}}"),
              "grammar: #/items: refers to itself with nothing in between");
    EXPECT_NE(of("start: A & B").find("line 2: &"), std::string::npos);
    EXPECT_NE(of("start: %json {\"a\":").find("none"), std::string::npos) << "LLGuidance says what is wrong with it";
}

}  // namespace
