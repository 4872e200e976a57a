#include "requests/tokens.h"

#include <gtest/gtest.h>

#include <stdexcept>

using namespace xllamacpp;

namespace {

std::string refusal(const std::string & body) {
    try {
        check_tokens_in(body, {"tokens", "content"}, 100);
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "";
}

TEST(CheckTokens, RefusesNumbersThatAreNoTokens) {
    EXPECT_EQ(refusal(R"({"tokens":[0,99,100]})"), "tokens.2: expected a token, a whole number from 0 to 99, got 100");
    EXPECT_EQ(refusal(R"({"content":[["a",-1]]})"),
              "content.0.1: expected a token, a whole number from 0 to 99, got -1");
    EXPECT_NE(refusal(R"({"tokens":[18446744073709551615]})"), "");
    EXPECT_NE(refusal(R"({"tokens":[1e300]})"), "");
    EXPECT_NE(refusal(R"({"tokens":[0.5]})"), "");
}

TEST(CheckTokens, LeavesTheRestToLlamaCpp) {
    for (const char * body : {R"({"tokens":[0,99,5.0]})", R"({"tokens":["a",5]})", R"({"tokens":"a"})",
                              R"({"tokens":{"a":100}})", R"({"other":[100]})", "[100]", "{", ""}) {
        EXPECT_EQ(refusal(body), "") << body;
    }
}

TEST(CheckTokens, TakesAnyWholeNumberWhereTheVocabularyIsNotKnown) {
    EXPECT_NO_THROW(check_token(2147483647, "token", 0));
    EXPECT_THROW(check_token(2147483648, "token", 0), std::invalid_argument);
}

}  // namespace
