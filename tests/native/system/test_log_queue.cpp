#include "system/log_queue.h"

#include <gtest/gtest.h>

#include "llama.h"
#include "log.h"

#include <thread>

using namespace xllamacpp;

namespace {

class LogQueue : public testing::Test {
  protected:
    void SetUp() override {
        log_install();
        std::vector<log_line> before;
        log_drain(before, 0);
    }

    std::vector<std::string> drained() {
        std::vector<log_line> lines;
        dropped = log_drain(lines, 0);
        std::vector<std::string> texts;
        for (const log_line & line : lines) {
            texts.push_back(line.text);
        }
        return texts;
    }

    uint64_t dropped = 0;
};

TEST_F(LogQueue, TakesLlamaCppsServerLines) {
    LOG_ERR("first %d\n", 1);
    LOG_WRN("second\n");
    EXPECT_EQ(drained(), (std::vector<std::string>{"first 1", "second"}));
}

TEST_F(LogQueue, JoinsALineThatComesInPieces) {
    LOG_WRN("a half");
    LOG_CNT(" and the other\nnext");
    LOG_CNT(" line\n");
    EXPECT_EQ(drained(), (std::vector<std::string>{"a half and the other", "next line"}));
}

TEST_F(LogQueue, LeavesOutWhatIsBelowTheThreshold) {
    LOG_DBG("a detail\n");
    EXPECT_TRUE(drained().empty());
}

TEST_F(LogQueue, KeepsTheNewestLinesAndCountsTheLost) {
    for (size_t i = 0; i < log_capacity + 10; ++i) {
        log_write(log_level_info, std::to_string(i));
    }
    const std::vector<std::string> texts = drained();
    EXPECT_EQ(texts.size(), log_capacity);
    EXPECT_EQ(texts.front(), "10");
    EXPECT_EQ(texts.back(), std::to_string(log_capacity + 9));
    EXPECT_EQ(dropped, 10u);
}

TEST_F(LogQueue, WakesAWaiter) {
    std::vector<log_line> lines;
    std::thread           waiter([&] { log_drain(lines, 60000); });
    log_wake();
    waiter.join();
    EXPECT_TRUE(lines.empty());
}

TEST_F(LogQueue, CapturesTheWarningsAndErrorsOfOneThread) {
    const log_capture capture;
    std::thread       other([] { LOG_ERR("another thread's\n"); });
    other.join();
    LOG_INF("information\n");
    LOG_WRN("a warning\n");
    LOG_ERR("an error\n");
    ASSERT_EQ(capture.lines().size(), 2u);
    EXPECT_EQ(capture.lines()[0].text, "a warning");
    EXPECT_EQ(capture.lines()[1].level, log_level_error);
}

}  // namespace
