#include "router/state_reports.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include <unistd.h>

using namespace xllamacpp;

namespace {

class StateReports : public testing::Test {
  protected:
    StateReports() { EXPECT_EQ(pipe(ends_.data()), 0); }
    ~StateReports() override {
        close(ends_[0]);
        close(ends_[1]);
    }

    std::string read_all() {
        std::array<char, 4096> text{};
        const ssize_t          length = read(ends_[0], text.data(), text.size());
        return {text.data(), static_cast<size_t>(length)};
    }

    std::array<int, 2> ends_{};
};

TEST_F(StateReports, AreLinesThatTheRouterLooksFor) {
    state_reports(ends_[1]).send(SERVER_STATE_LOADING, {{"value", 0.5}});
    EXPECT_EQ(read_all(), "cmd_child_to_router:state:{\"state\":\"loading\",\"payload\":{\"value\":0.5}}\n");
}

TEST_F(StateReports, AreNotMadeWithoutARouter) {
    state_reports(-1).send(SERVER_STATE_READY, {});
    ASSERT_EQ(write(ends_[1], "nothing else", 12), 12);
    EXPECT_EQ(read_all(), "nothing else");
}

}  // namespace
