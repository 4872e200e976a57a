#include "xllamacpp/grammar.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

TEST(Grammar, NamesAStartRule) {
    const std::string grammar = xllamacpp::json_schema_to_grammar(R"({"type": "object"})");
    // "start:" in LLGuidance's Lark, "root ::=" in GBNF.
    EXPECT_TRUE(grammar.find("start:") != std::string::npos || grammar.find("root ::=") != std::string::npos)
        << grammar;
}

TEST(Grammar, RefusesTextThatIsNoJson) { EXPECT_THROW(xllamacpp::json_schema_to_grammar("{"), std::invalid_argument); }

}  // namespace
