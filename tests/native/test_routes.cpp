#include "routes.h"

#include <gtest/gtest.h>

#include <thread>

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

TEST(RequestGate, LetsNobodyInOnceShut) {
    request_gate gate;
    EXPECT_TRUE(gate.enter());
    gate.shut();
    EXPECT_FALSE(gate.enter());
    EXPECT_TRUE(gate.is_shut());
    gate.leave();
    gate.wait_empty();
}

TEST(RequestGate, WaitsForTheLastOne) {
    request_gate      gate;
    std::atomic<bool> left{false};
    ASSERT_TRUE(gate.enter());
    std::thread inside([&] {
        while (!gate.is_shut()) {
            std::this_thread::yield();
        }
        left = true;
        gate.leave();
    });
    gate.shut();
    gate.wait_empty();
    EXPECT_TRUE(left);
    inside.join();
}

}  // namespace
