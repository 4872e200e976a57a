#include "server/routes.h"

#include <gtest/gtest.h>

using namespace xllamacpp;

namespace {

using parameters = std::map<std::string, std::string>;

TEST(ParseQuery, DecodesNamesAndValues) {
    EXPECT_EQ(parse_query("action=save&x%20y=a+b%2Fc"), (parameters{{"action", "save"}, {"x y", "a b/c"}}));
}

TEST(ParseQuery, TakesWhatIsMalformedAsItIs) {
    EXPECT_EQ(parse_query("a&b=&c=%zz&d=%4"), (parameters{{"a", ""}, {"b", ""}, {"c", "%zz"}, {"d", "%4"}}));
    EXPECT_EQ(parse_query(""), parameters{});
}

}  // namespace
