#include "requests/body.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

using namespace xllamacpp;

namespace {

std::string refusal(const std::function<void()> & check) {
    try {
        check();
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "";
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

}  // namespace
