// A model that leaves memory while nobody asks anything.
#include "serving.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

using namespace xllamacpp;

namespace {

namespace fs = std::filesystem;

bool is_asleep(server & s) {
    return read(s.request("GET", "/props", "", {})).body.find(R"("is_sleeping":true)") != std::string::npos;
}

void wait_asleep(server & s) {
    for (int waited_ms = 0; !is_asleep(s); waited_ms += 20) {
        ASSERT_LT(waited_ms, patience_ms);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

answer complete(server & s) { return read(s.request("POST", "/completion", completion(4, false), {})); }

class Sleep : public testing::Test {
  protected:
    void SetUp() override {
        fs::remove(file_);
        fs::create_symlink(model_path(), file_);
        params p = test_params(file_.string());
        p.set("sleep_idle_seconds", "1");
        p.set("endpoint_metrics", "true");
        sleepy_ = std::make_unique<server>(p);
        ASSERT_EQ(sleepy_->wait_loaded(patience_ms), server_state::ready) << sleepy_->error();
    }
    void TearDown() override {
        sleepy_.reset();
        fs::remove(file_);
    }

    const fs::path          file_ = fs::temp_directory_path() / "xllamacpp-sleepy.gguf";
    std::unique_ptr<server> sleepy_;
};

TEST_F(Sleep, WakesForARequestAndAnswersAsBefore) {
    const answer before = complete(*sleepy_);
    wait_asleep(*sleepy_);
    const answer after = complete(*sleepy_);
    EXPECT_EQ(after.status, 200) << after.body << after.error;
    const auto content = [](const answer & a) { return a.body.substr(0, a.body.find(R"("tokens")")); };
    EXPECT_EQ(content(after), content(before));
    EXPECT_FALSE(is_asleep(*sleepy_));
    wait_asleep(*sleepy_);
}

TEST_F(Sleep, AnswersAllThatComeAtOnce) {
    wait_asleep(*sleepy_);
    std::vector<stream> streams;
    for (int i = 0; i < 8; ++i) {
        streams.push_back(sleepy_->request("POST", "/completion", completion(4, i % 2 == 0), {}));
    }
    for (stream & s : streams) {
        EXPECT_EQ(read(s).status, 200) << s.error();
    }
}

TEST_F(Sleep, StaysAsleepWhereTheModelIsGoneAndTriesAgain) {
    wait_asleep(*sleepy_);
    fs::remove(file_);
    std::vector<stream> streams;
    for (int i = 0; i < 8; ++i) {
        streams.push_back(sleepy_->request("POST", "/completion", completion(4, false), {}));
    }
    for (stream & s : streams) {
        const answer a = read(s);
        EXPECT_EQ(a.status, 503) << a.body << a.error;
        EXPECT_NE(a.body.find(file_.string()), std::string::npos) << a.body;
        EXPECT_EQ(s.headers().count("Retry-After"), 1u);
    }
    EXPECT_EQ(sleepy_->state(), server_state::ready);
    EXPECT_TRUE(is_asleep(*sleepy_));
    std::ofstream(file_) << "this is no GGUF file";
    EXPECT_EQ(complete(*sleepy_).status, 503);
    fs::remove(file_);
    fs::create_symlink(model_path(), file_);
    EXPECT_EQ(complete(*sleepy_).status, 200);
}

TEST_F(Sleep, IsPutOffByAStreamThatNobodyReads) {
    stream      unread = sleepy_->request("POST", "/completion", completion(60, true), {});
    std::string chunk;
    ASSERT_EQ(unread.next(chunk, patience_ms), pull::ready);
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    EXPECT_FALSE(is_asleep(*sleepy_));
    EXPECT_EQ(read(unread).error, "");
    wait_asleep(*sleepy_);
}

TEST_F(Sleep, IsNotPutOffByLooking) {
    // wait_asleep looks every 20 ms.
    wait_asleep(*sleepy_);
    for (const char * path : {"/health", "/props", "/models", "/v1/models", "/metrics"}) {
        EXPECT_EQ(read(sleepy_->request("GET", path, "", {})).status, 200) << path;
    }
    EXPECT_TRUE(is_asleep(*sleepy_));
}

TEST_F(Sleep, IsNoHindranceToAnEnd) {
    wait_asleep(*sleepy_);
    EXPECT_TRUE(sleepy_->drain(patience_ms));
    EXPECT_EQ(sleepy_->state(), server_state::ready);
    sleepy_->close();
    EXPECT_EQ(sleepy_->state(), server_state::closed);
}

TEST_F(Sleep, ADrainWaitsForARequestThatWakesTheModel) {
    wait_asleep(*sleepy_);
    stream waking = sleepy_->request("POST", "/completion", completion(4, false), {});
    while (!sleepy_->drain(10)) {
    }
    const answer a = read(waking);
    // Either it was inside before the drain began, and is answered, or it was refused.
    EXPECT_TRUE(a.status == 200 || a.status == 503) << a.status << a.body << a.error;
}

TEST_F(Sleep, ClosesWhileItWakes) {
    for (int delay_ms : {0, 1, 20, 100}) {
        params p = test_params(file_.string());
        p.set("sleep_idle_seconds", "1");
        server s(p);
        ASSERT_EQ(s.wait_loaded(patience_ms), server_state::ready) << s.error();
        wait_asleep(s);
        stream waking = s.request("POST", "/completion", completion(-1, false), {});
        std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
        s.close();
        EXPECT_EQ(s.state(), server_state::closed) << "after " << delay_ms << " ms: " << s.error();
        read(waking);
    }
}

}  // namespace
