#include "request_body.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

using namespace xllamacpp;

namespace {

std::string repeated(const std::string & part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}

std::string refusal(const std::function<void()> & check) {
    try {
        check();
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "";
}

TEST(CheckDepth, RefusesWhatIsNestedTooDeeply) {
    EXPECT_NO_THROW(check_depth(repeated("[", 256)));
    EXPECT_THROW(check_depth(repeated("[", 257)), std::invalid_argument);
    EXPECT_THROW(check_depth(repeated(R"({"a":)", 257)), std::invalid_argument);
}

TEST(CheckDepth, CountsWhatIsOpenAtOnce) { EXPECT_NO_THROW(check_depth("[" + repeated("{},[],", 1000) + "1]")); }

TEST(CheckDepth, PassesTextsBy) {
    EXPECT_NO_THROW(check_depth('"' + repeated("[", 1000) + '"'));
    EXPECT_NO_THROW(check_depth(R"("\")" + repeated("[", 1000) + '"'));
    EXPECT_THROW(check_depth(R"("\\")" + repeated("[", 1000)), std::invalid_argument) << "the text is over";
}

TEST(CheckTokens, RefusesNumbersThatAreNoTokens) {
    EXPECT_EQ(refusal([] { check_tokens(R"({"tokens":[0,99,100]})", "tokens", 100); }),
              "tokens: 100 is no token: this model's are 0 to 99");
    EXPECT_EQ(refusal([] { check_tokens(R"({"tokens":[-1]})", "tokens", 100); }),
              "tokens: -1 is no token: this model's are 0 to 99");
    EXPECT_NE(refusal([] { check_tokens(R"({"tokens":[18446744073709551615]})", "tokens", 100); }), "");
    EXPECT_NE(refusal([] { check_tokens(R"({"tokens":[1e300]})", "tokens", 100); }), "");
}

TEST(CheckTokens, LeavesTheRestToLlamaCpp) {
    for (const char * body : {R"({"tokens":[0,99]})", R"({"tokens":["a",5]})", R"({"tokens":"a"})",
                              R"({"other":[100]})", "[100]", "{", ""}) {
        EXPECT_EQ(refusal([=] { check_tokens(body, "tokens", 100); }), "") << body;
    }
}

TEST(CheckRanking, RefusesACountBelowZero) {
    EXPECT_NE(refusal([] { check_ranking(R"({"top_n":-1})"); }), "");
    for (const char * body : {R"({"top_n":0})", R"({"top_n":"x"})", R"({})", "[]", "{"}) {
        EXPECT_EQ(refusal([=] { check_ranking(body); }), "") << body;
    }
}

}  // namespace
