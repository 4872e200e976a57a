#include "server/request_gate.h"

#include "server-stream.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <thread>

using namespace xllamacpp;

namespace {

const std::function<bool()> never_stops = [] { return false; };

server_http_req request_with(const std::map<std::string, std::string> & headers) {
    return server_http_req{{}, headers, "/x", "", "", {}, never_stops};
}

handler guarded_plainly(request_gate & gate, const handler & handle) { return guarded(gate, handle, {}); }

TEST(RequestGate, LetsNobodyInOnceShut) {
    request_gate gate;
    EXPECT_TRUE(gate.enter());
    gate.shut();
    EXPECT_FALSE(gate.enter());
    EXPECT_TRUE(gate.is_shut());
    gate.leave();
    gate.wait_empty();
}

TEST(RequestGate, DrainsWithoutDisturbingThoseInside) {
    request_gate gate;
    ASSERT_TRUE(gate.enter());
    gate.drain();
    EXPECT_FALSE(gate.is_open());
    EXPECT_FALSE(gate.is_shut());
    EXPECT_FALSE(gate.enter());
    EXPECT_FALSE(gate.wait_empty_for(std::chrono::milliseconds(1)));
    gate.leave();
    EXPECT_TRUE(gate.wait_empty_for(std::chrono::milliseconds(0)));
}

TEST(RequestGate, StaysShutWhereItIsDrained) {
    request_gate gate;
    gate.shut();
    gate.drain();
    EXPECT_TRUE(gate.is_shut());
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

TEST(Guarded, RefusesWithAStatusAndATimeOnceItIsNotOpen) {
    request_gate  gate;
    const handler handle = guarded_plainly(gate, [](const server_http_req &) -> server_http_res_ptr {
        ADD_FAILURE() << "the request was let in";
        return nullptr;
    });
    gate.drain();
    const server_http_res_ptr draining = handle(request_with({}));
    EXPECT_EQ(draining->status, 503);
    EXPECT_NE(draining->data.find("the server is draining"), std::string::npos) << draining->data;
    EXPECT_GT(std::stoi(draining->headers.at("Retry-After")), 0);
    gate.shut();
    EXPECT_NE(handle(request_with({}))->data.find("the server is closing"), std::string::npos);
}

TEST(Guarded, CountsAStreamUntilItIsGone) {
    request_gate        gate;
    const handler       handle = guarded_plainly(gate, [](const server_http_req &) {
        auto response  = std::make_unique<server_http_res>();
        response->next = [](std::string & chunk) {
            chunk = "chunk";
            return true;
        };
        return response;
    });
    server_http_res_ptr stream = handle(request_with({}));
    gate.drain();
    std::string chunk;
    EXPECT_TRUE(stream->next(chunk)) << "a drain leaves it alone";
    EXPECT_FALSE(gate.wait_empty_for(std::chrono::milliseconds(0)));
    stream.reset();
    EXPECT_TRUE(gate.wait_empty_for(std::chrono::milliseconds(0)));
}

TEST(Guarded, PassesByTheEmptyEventsOfAStream) {
    request_gate              gate;
    const handler             handle = guarded_plainly(gate, [](const server_http_req &) {
        auto response  = std::make_unique<server_http_res>();
        response->next = [sent = 0](std::string & chunk) mutable {
            const char * const chunks[] = {"data: null\n\n", "data: {}\n\n", "data: null\n\n", "data: [DONE]\n\n"};
            chunk                       = chunks[sent];
            return ++sent < 4;
        };
        return response;
    });
    const server_http_res_ptr stream = handle(request_with({}));
    std::string               chunk;
    EXPECT_TRUE(stream->next(chunk));
    EXPECT_EQ(chunk, "data: {}\n\n");
    EXPECT_FALSE(stream->next(chunk));
    EXPECT_EQ(chunk, "data: [DONE]\n\n");
}

TEST(Guarded, TellsHandlersToStopWhenItIsShutAndNotBefore) {
    request_gate  gate;
    const handler handle = guarded_plainly(gate, [&](const server_http_req & request) {
        gate.drain();
        EXPECT_FALSE(request.should_stop());
        gate.shut();
        EXPECT_TRUE(request.should_stop());
        return std::make_unique<server_http_res>();
    });
    EXPECT_EQ(handle(request_with({}))->status, 503) << "what was told to stop has answered nothing";
}

const text_filter same_body = [](const std::string & body) { return body; };

/// What is answered where a handler throws, on a route whose body is read by `body`.
template <typename Error> int status_of(const text_filter & body, const Error & error) {
    request_gate  gate;
    const handler handle =
        guarded(gate, [&error](const server_http_req &) -> server_http_res_ptr { throw error; }, {body, nullptr});
    return handle(request_with({}))->status;
}

TEST(Guarded, BlamesTheRequestForWhatReadingItThrows) {
    EXPECT_EQ(status_of(same_body, std::runtime_error("parse error at line 1, column 2")), 400);
    EXPECT_EQ(status_of(same_body, std::out_of_range("stoi")), 400);
    EXPECT_EQ(status_of(same_body, std::invalid_argument("temperature: ...")), 400);
}

TEST(Guarded, BlamesTheServerForTheRest) {
    EXPECT_EQ(status_of(same_body, std::bad_alloc()), 500) << "the machine's";
    EXPECT_EQ(status_of(nullptr, std::runtime_error("no such device")), 500) << "a route that reads no body";
}

TEST(Guarded, BlamesTheRequestForWhatItsFilterThrows) {
    request_gate      gate;
    const text_filter refusing = [](const std::string &) -> std::string { throw std::runtime_error("no JSON"); };
    const handler     never    = [](const server_http_req &) -> server_http_res_ptr {
        ADD_FAILURE() << "the handler was asked";
        return nullptr;
    };
    const server_http_res_ptr answer = guarded(gate, never, {refusing, nullptr})(request_with({}));
    EXPECT_EQ(answer->status, 400);
    EXPECT_NE(answer->data.find("\"message\":\"no JSON\""), std::string::npos) << answer->data;
}

/// What llama.cpp makes of a stream that a client can take up again: its own `should_stop` is all that ends it.
handler conversation_handler(std::function<bool()> & should_stop) {
    return [&should_stop](const server_http_req & request) {
        auto response = std::make_unique<server_res_spipe>();
        response->set_req(&request);
        should_stop = [spipe = response.get()] { return spipe->should_stop(); };
        response->set_next([](std::string & chunk) {
            chunk = "chunk";
            return true;
        });
        return response;
    };
}

TEST(Guarded, EndsTheStreamOfAConversationWhenItIsShut) {
    request_gate              gate;
    std::function<bool()>     should_stop;
    const handler             handle = guarded_plainly(gate, conversation_handler(should_stop));
    const server_http_res_ptr stream = handle(request_with({{"X-Conversation-Id", "a conversation"}}));
    gate.drain();
    EXPECT_FALSE(should_stop());
    gate.shut();
    EXPECT_TRUE(should_stop());
}

TEST(Guarded, EndsTheStreamOfAConversationThatBeginsWhileItIsShut) {
    request_gate              gate;
    std::function<bool()>     should_stop;
    const handler             inner  = conversation_handler(should_stop);
    const handler             handle = guarded_plainly(gate, [&](const server_http_req & request) {
        gate.shut();
        return inner(request);
    });
    const server_http_res_ptr stream = handle(request_with({{"x-conversation-id", "another"}}));
    EXPECT_TRUE(should_stop());
}

}  // namespace
