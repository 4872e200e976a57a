#include "grammars/gbnf.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using xllamacpp::check_gbnf;

namespace {

std::string problem(const std::string & grammar) {
    try {
        check_gbnf(grammar);
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "none";
}

TEST(Gbnf, TakesWhatLlamaCppTakes) {
    for (const char * grammar : {
             "root ::= \"a\"",
             "# a comment\n\nroot ::= a | b # another\na ::= [^a-z\\]\\x41\\u0041\\U00000041-] .\r\nb::=\"\\\"\\n\"",
             "root ::= (\n  \"a\" |\n  b\n)+\nb ::= \"b\"{2} \"c\"{2,} \"d\"{2,3} \"e\"{ 1 , 2 }",
             "root ::= <[7]> !<[8]> <eos>",
             "root ::= \"\"\n  x ::= root",
             "root ::= \"a\" root | \"\"",
             "root ::= \"a\"{0,100000}",
             "root ::= [a-]",
         }) {
        EXPECT_EQ(problem(grammar), "none") << grammar;
    }
}

TEST(Gbnf, SaysWhereWhatIsWrong) {
    EXPECT_EQ(problem(""), "grammar: line 1, column 1: there is no rule that is named root: answers begin there");
    EXPECT_EQ(problem("root = \"a\""), "grammar: line 1, column 6: expected ::= after the name of a rule, found '='");
    EXPECT_EQ(problem("root ::= \"a\"\n\nb ::= \"x\" )"),
              "grammar: line 3, column 11: expected a quoted text, [characters], a rule, a group, or the end of the "
              "line, found ')'");
    EXPECT_EQ(problem("root ::= *"), "grammar: line 1, column 10: expected something to repeat before it, found '*'");
    EXPECT_EQ(problem("root ::= \"\\u00g0\""), "grammar: line 1, column 11: expected 4 hexadecimal digits after \\u");
    EXPECT_EQ(problem("root ::= \"a\"{2"),
              "grammar: line 1, column 15: expected } at the end of a repetition, found the end of the grammar");
    EXPECT_EQ(problem("root ::= <[x]>"), "grammar: line 1, column 12: expected a number, found 'x'");
    EXPECT_EQ(problem(std::string("root ::= \"a\0\"", 13)),
              "grammar: line 1, column 12: a grammar is text and cannot have the character U+0000");
}

TEST(Gbnf, FindsARuleThatComesBackToItself) {
    EXPECT_NE(problem("root ::= a\na ::= b\nb ::= a | \"x\"").find("the rule a comes back to itself"),
              std::string::npos);
    EXPECT_NE(problem("root ::= (\"a\"? root \"b\")").find("left recursion"), std::string::npos);
    EXPECT_NE(problem("root ::= e root \"b\"\ne ::= \"\"").find("left recursion"), std::string::npos);
    EXPECT_EQ(problem("root ::= \"a\"+ root \"b\" | \"c\""), "none");
}

TEST(Gbnf, CountsWhatRepetitionsMake) {
    EXPECT_NE(problem("root ::= ((\"a\"{1,50}){1,50}){1,50}").find("multiplied"), std::string::npos);
    EXPECT_EQ(problem("root ::= (\"a\" \"b\"){1,500}"), "none");
    std::string many = "root ::= \"x\"";
    for (int i = 0; i < 200; ++i) {
        many += " \"abcdefgh\"{2000}";
    }
    EXPECT_NE(problem(many).find("too large once its repetitions are written out"), std::string::npos);
}

TEST(Gbnf, CountsTheWaysToBegin) {
    const auto nested = [](int depth) {
        std::string grammar = "root ::= r0";
        for (int i = 0; i < depth; ++i) {
            const std::string next = "r" + std::to_string(i + 1);
            grammar += "\nr" + std::to_string(i) + " ::= " + next + " \"a\" | " + next + " \"b\"";
        }
        return grammar + "\nr" + std::to_string(depth) + " ::= \"c\"";
    };
    EXPECT_EQ(problem(nested(14)), "none");  // 16384
    EXPECT_NE(problem(nested(15)).find("too many ways for an answer to begin; at most 20000"), std::string::npos);
    EXPECT_NE(problem(nested(64)).find("too many ways for an answer to begin"), std::string::npos);
    // Each of those that may be left out is one more.
    EXPECT_EQ(problem("root ::= a{0,100} \"x\"\na ::= (\"a\"?){0,100}"), "none");
    EXPECT_NE(problem("root ::= a{0,200} \"x\"\na ::= (\"a\"?){0,200}").find("too many ways"), std::string::npos);
    EXPECT_NE(problem("root ::= a{200} \"x\"\na ::= (\"a\"?){200}").find("too many ways"), std::string::npos);
}

TEST(Gbnf, CountsWhatIsToComeInTheWaysToBegin) {
    std::string grammar = "root ::= r0";
    for (int i = 0; i < 1000; ++i) {
        grammar += "\nr" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " \"a\"";
    }
    grammar += "\nr1000 ::= \"0\"";
    EXPECT_EQ(problem(grammar), "none");
    for (int i = 0; i < 5000; ++i) {
        grammar += " | \"" + std::to_string(i) + '"';
    }
    EXPECT_NE(problem(grammar).find("too many ways for an answer to begin"), std::string::npos);
}

}  // namespace
