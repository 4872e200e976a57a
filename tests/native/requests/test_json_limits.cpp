#include "requests/json_limits.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace xllamacpp;

namespace {

std::string repeated(const std::string & part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}

bool is_within(const std::string & text) {
    try {
        check_json_limits(text, "the body");
    } catch (const std::invalid_argument &) {
        return false;
    }
    return true;
}

TEST(JsonLimits, RefuseWhatIsNestedTooDeeply) {
    EXPECT_TRUE(is_within(repeated("[", 200)));
    EXPECT_FALSE(is_within(repeated("[", 201)));
    EXPECT_FALSE(is_within(repeated(R"({"a":)", 201)));
}

TEST(JsonLimits, CountWhatIsOpenAtOnce) { EXPECT_TRUE(is_within("[" + repeated("{},[],", 1000) + "1]")); }

TEST(JsonLimits, PassTextsBy) {
    EXPECT_TRUE(is_within('"' + repeated("[", 1000) + '"'));
    EXPECT_TRUE(is_within(R"("\")" + repeated("[", 1000) + '"'));
    EXPECT_FALSE(is_within(R"("\\")" + repeated("[", 1000))) << "the text is over";
}

TEST(JsonLimits, RefuseObjectsWithTooManyMembers) {
    EXPECT_TRUE(is_within("{" + repeated(R"("a":1,)", 9000) + R"("b":1})"));
    EXPECT_FALSE(is_within("{" + repeated(R"("a":1,)", 11000) + R"("b":1})"));
}

}  // namespace
