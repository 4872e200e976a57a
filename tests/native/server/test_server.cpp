#include "serving.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace xllamacpp;

namespace {

size_t thread_count() {
    size_t count = 0;
    for (const auto & entry : std::filesystem::directory_iterator("/proc/self/task")) {
        (void) entry;
        ++count;
    }
    return count;
}

class Server : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        shared = new server(test_params());
        ASSERT_EQ(shared->wait_loaded(patience_ms), server_state::ready) << shared->error();
    }
    static void TearDownTestSuite() {
        delete shared;
        shared = nullptr;
    }

    answer ask(const std::string & method, const std::string & path, const std::string & body = "") const {
        return read(shared->request(method, path, body, {}));
    }

    static server * shared;
};

server * Server::shared = nullptr;

TEST_F(Server, ListensOnAFreePort) {
    EXPECT_EQ(shared->listening_address().rfind("http://127.0.0.1:", 0), 0u);
    EXPECT_NE(shared->listening_address(), "http://127.0.0.1:0");
    EXPECT_EQ(shared->progress(), 1.0f);
}

TEST_F(Server, AnswersARequest) {
    const answer a = ask("GET", "/health");
    EXPECT_EQ(a.status, 200);
    EXPECT_NE(a.body.find("ok"), std::string::npos);
}

TEST_F(Server, Completes) {
    const answer a = ask("POST", "/completion", completion(4, false));
    EXPECT_EQ(a.status, 200) << a.body;
    EXPECT_NE(a.body.find("\"content\""), std::string::npos);
}

TEST_F(Server, StreamsEvents) {
    const answer a = ask("POST", "/completion", completion(4, true));
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.body.rfind("data: ", 0), 0u);
}

TEST_F(Server, TellsAWrongPathFromAWrongMethod) {
    EXPECT_EQ(ask("GET", "/no/such/path").status, 404);
    EXPECT_EQ(ask("DELETE", "/health").status, 405);
}

TEST_F(Server, TakesParametersOutOfThePathAndTheQuery) {
    const answer a = ask("POST", "/slots/1?action=erase", "{}");
    EXPECT_EQ(a.status, 501) << a.body;  // the route was found; saving and erasing need slot_save_path
}

TEST_F(Server, AnswersABadRequestWithAnError) {
    EXPECT_EQ(ask("POST", "/completion", "{not json").status, 400);
    EXPECT_EQ(ask("POST", "/completion", "{}").status, 400);
}

TEST_F(Server, FreesTheSlotOfACancelledStream) {
    for (int i = 0; i < 6; ++i) {  // more than there are slots
        stream      s = shared->request("POST", "/completion", completion(-1, true), {});
        std::string chunk;
        ASSERT_EQ(s.next(chunk, patience_ms), pull::ready);
        s.cancel();
    }
    EXPECT_EQ(ask("POST", "/completion", completion(2, false)).status, 200);
}

TEST_F(Server, AnswersManyAtOnce) {
    std::vector<std::thread> threads;
    std::vector<answer>      answers(6);
    for (answer & a : answers) {
        threads.emplace_back([&] { a = ask("POST", "/completion", completion(4, false)); });
    }
    for (std::thread & thread : threads) {
        thread.join();
    }
    for (const answer & a : answers) {
        EXPECT_EQ(a.status, 200) << a.body << a.error;
    }
}

TEST_F(Server, LivesBesideAnother) {
    server other(test_params());
    ASSERT_EQ(other.wait_loaded(patience_ms), server_state::ready) << other.error();
    EXPECT_NE(other.listening_address(), shared->listening_address());
    EXPECT_EQ(read(other.request("POST", "/completion", completion(2, false), {})).status, 200);
    other.close();
    EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST(ServerLife, LeavesNoThreadAndClosesTwice) {
    load_backends(XLLAMACPP_MODULE_DIR);
    const size_t before = thread_count();
    server       s(test_params());
    ASSERT_EQ(s.wait_loaded(patience_ms), server_state::ready) << s.error();
    read(s.request("GET", "/health", "", {}));
    s.close();
    s.close();
    EXPECT_EQ(s.state(), server_state::closed);
    // A thread that was joined may stand in the kernel's list for a moment longer.
    for (int i = 0; i < 100 && thread_count() != before; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(thread_count(), before);
    EXPECT_EQ(read(s.request("GET", "/health", "", {})).error, "the server was closed");
}

TEST(ServerLife, ClosesWhileLoading) {
    for (int delay_ms : {0, 1, 20, 100}) {
        server s(test_params());
        s.wait_loaded(delay_ms);
        s.close();
        EXPECT_EQ(s.state(), server_state::closed) << "after " << delay_ms << " ms: " << s.error();
    }
}

TEST(ServerLife, ClosesWhileAnswering) {
    server s(test_params());
    ASSERT_EQ(s.wait_loaded(patience_ms), server_state::ready) << s.error();
    stream      streamed = s.request("POST", "/completion", completion(-1, true), {});
    stream      plain    = s.request("POST", "/completion", completion(-1, false), {});
    std::string chunk;
    ASSERT_EQ(streamed.next(chunk, patience_ms), pull::ready);
    s.close();
    EXPECT_EQ(streamed.next(chunk, patience_ms), pull::end);
    EXPECT_EQ(streamed.error(), "the server was closed");
    EXPECT_EQ(plain.wait_head(patience_ms), pull::end);
}

TEST(ServerLife, DrainsWhatIsUnderWayAndTakesNothingNew) {
    server s(test_params());
    ASSERT_EQ(s.wait_loaded(patience_ms), server_state::ready) << s.error();
    stream      under_way = s.request("POST", "/completion", completion(30, true), {});
    std::string chunk;
    ASSERT_EQ(under_way.next(chunk, patience_ms), pull::ready);
    EXPECT_FALSE(s.drain(0));
    EXPECT_EQ(read(s.request("GET", "/health", "", {})).error, "the server is draining: it takes no new requests");
    std::string last;
    while (under_way.next(chunk, patience_ms) == pull::ready) {
        last = chunk;
    }
    EXPECT_NE(last.find("\"stop\":true"), std::string::npos) << last;
    EXPECT_EQ(under_way.error(), "");
    EXPECT_TRUE(s.drain(patience_ms));
    EXPECT_EQ(s.state(), server_state::ready) << "only close() ends it";
    s.close();
    EXPECT_EQ(read(s.request("GET", "/health", "", {})).error, "the server was closed");
}

TEST(ServerLife, ADrainBreaksOffALoad) {
    server s(test_params());
    EXPECT_TRUE(s.drain(patience_ms));
    EXPECT_EQ(s.wait_loaded(patience_ms), server_state::closed) << s.error();
}

TEST(ServerLife, SaysWhyALoadFailed) {
    const auto garbage = std::filesystem::temp_directory_path() / "xllamacpp-not-a-model.gguf";
    std::ofstream(garbage) << "this is no GGUF file";
    for (const std::string & model : {std::string("/no/such/model.gguf"), garbage.string()}) {
        server s(test_params(model));
        EXPECT_EQ(s.wait_loaded(patience_ms), server_state::failed);
        EXPECT_NE(s.error().find(model), std::string::npos) << s.error();
        EXPECT_FALSE(s.error_log().empty());
        s.close();
        EXPECT_EQ(s.state(), server_state::failed);
    }
    std::filesystem::remove(garbage);
}

TEST(ServerLife, RefusesAPortThatIsTaken) {
    server first(test_params());
    ASSERT_EQ(first.wait_loaded(patience_ms), server_state::ready);
    const std::string address = first.listening_address();
    params            p       = test_params();
    p.set("port", address.substr(address.rfind(':') + 1));
    server second(p);
    EXPECT_EQ(second.wait_loaded(patience_ms), server_state::failed);
    EXPECT_NE(second.error().find("could not listen"), std::string::npos) << second.error();
}

TEST(ServerLife, LeavesSigpipeAsFound) {
    struct sigaction wanted{};
    struct sigaction found{};
    wanted.sa_handler = SIG_DFL;
    sigaction(SIGPIPE, &wanted, nullptr);
    server s(test_params());
    ASSERT_EQ(s.wait_loaded(patience_ms), server_state::ready);
    sigaction(SIGPIPE, nullptr, &found);
    EXPECT_EQ(found.sa_handler, SIG_DFL);
}

TEST(ServerLife, OfNothingIsClosed) {
    server nothing;
    EXPECT_EQ(nothing.state(), server_state::closed);
    EXPECT_TRUE(nothing.drain(0));
    EXPECT_EQ(read(nothing.request("GET", "/health", "", {})).error, "the server was closed");
    nothing.close();
}

}  // namespace
