#include "server/exchange.h"

#include <gtest/gtest.h>

#include "server-http.h"

#include <thread>

using namespace xllamacpp;

namespace {

constexpr int patience_ms = 60000;

std::unique_ptr<server_http_res> counting_stream(int chunks) {
    auto response          = std::make_unique<server_http_res>();
    response->content_type = "text/event-stream";
    response->next         = [chunks, i = 0](std::string & out) mutable {
        out = std::to_string(i++);
        return i < chunks;
    };
    return response;
}

struct running {
    std::shared_ptr<exchange> shared = std::make_shared<exchange>();
    std::thread               thread;

    explicit running(const exchange::handler & handle)
        : thread([shared = shared, handle] { shared->run(handle, {"GET", "/x?a=1", "body", {}}, {{"a", "1"}}); }) {}
    ~running() { thread.join(); }
};

TEST(Exchange, GivesAPlainAnswerAsOneChunk) {
    const running r([](const server_http_req & request) {
        EXPECT_EQ(request.path, "/x");
        EXPECT_EQ(request.query_string, "a=1");
        EXPECT_EQ(request.get_param("a"), "1");
        auto response    = std::make_unique<server_http_res>();
        response->status = 201;
        response->data   = "got " + request.body;
        return response;
    });
    stream        answer(r.shared);
    ASSERT_EQ(answer.wait_head(patience_ms), pull::ready);
    EXPECT_EQ(answer.status(), 201);
    EXPECT_FALSE(answer.is_streamed());
    std::string chunk;
    ASSERT_EQ(answer.next(chunk, patience_ms), pull::ready);
    EXPECT_EQ(chunk, "got body");
    EXPECT_EQ(answer.next(chunk, patience_ms), pull::end);
    EXPECT_EQ(answer.error(), "");
}

TEST(Exchange, GivesEveryChunkInOrderToASlowConsumer) {
    const running r([](const server_http_req &) { return counting_stream(100); });
    stream        answer(r.shared);
    ASSERT_EQ(answer.wait_head(patience_ms), pull::ready);
    std::string chunk;
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(answer.next(chunk, patience_ms), pull::ready);
        EXPECT_EQ(chunk, std::to_string(i));
    }
    EXPECT_EQ(answer.next(chunk, patience_ms), pull::end);
}

TEST(Exchange, EndsTheProducerWhenTheConsumerCancels) {
    const running r([](const server_http_req &) { return counting_stream(1 << 30); });
    stream        answer(r.shared);
    std::string   chunk;
    ASSERT_EQ(answer.next(chunk, patience_ms), pull::ready);
    answer.cancel();
    EXPECT_EQ(answer.next(chunk, patience_ms), pull::end);
    // The thread of `running` joins here: an endless producer would hang the test.
}

TEST(Exchange, CancelsWhenTheLastHandleGoes) {
    const running r([](const server_http_req &) { return counting_stream(1 << 30); });
    {
        const stream answer(r.shared);
        const stream copy = answer;
    }
    EXPECT_TRUE(r.shared->is_cancelled());
}

TEST(Exchange, TellsTheHandlerToStop) {
    const running r([](const server_http_req & request) {
        while (!request.should_stop()) {
            std::this_thread::yield();
        }
        return std::make_unique<server_http_res>();
    });
    stream        answer(r.shared);
    EXPECT_EQ(answer.wait_head(0), pull::timeout);
    r.shared->cancel("because");
    EXPECT_EQ(answer.wait_head(patience_ms), pull::end);
    EXPECT_EQ(answer.error(), "because");
}

TEST(Exchange, TurnsAnExceptionIntoAnEnd) {
    const running r([](const server_http_req &) -> std::unique_ptr<server_http_res> { throw std::bad_cast(); });
    stream        answer(r.shared);
    EXPECT_EQ(answer.wait_head(patience_ms), pull::end);
    EXPECT_EQ(answer.error(), std::bad_cast().what());
}

TEST(Stream, OfNothingHasEnded) {
    stream      nothing;
    std::string chunk;
    EXPECT_EQ(nothing.wait_head(patience_ms), pull::end);
    EXPECT_EQ(nothing.next(chunk, patience_ms), pull::end);
    nothing.cancel();
}

}  // namespace
