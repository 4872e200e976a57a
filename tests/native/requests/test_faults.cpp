#include "requests/faults.h"

#include "server-common.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <system_error>

using namespace xllamacpp;

namespace {

const std::string no_projector =
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj";

TEST(RequestFaults, AreWhatReadingARequestThrows) {
    EXPECT_EQ(request_fault(common_json_error("parse error at line 1, column 2"), "/completion"),
              "parse error at line 1, column 2");
    EXPECT_EQ(request_fault(std::runtime_error("Failed to parse messages: ..."), "/v1/messages"),
              "Failed to parse messages: ...");
    EXPECT_EQ(request_fault(std::out_of_range("stoi"), "/completion"), "stoi");
    EXPECT_EQ(request_fault(std::length_error("vector::_M_default_append"), "/completion"),
              "vector::_M_default_append");
    EXPECT_EQ(request_fault(std::runtime_error(no_projector), "/v1/chat/completions"), no_projector);
}

TEST(RequestFaults, ComeWithAdviceWhereThereIsSome) {
    EXPECT_EQ(
        request_fault(std::runtime_error("input (600 tokens) is too large to process."), "/embedding"),
        "input (600 tokens) is too large to process.; set n_ubatch and n_batch to as many tokens, or send a shorter "
        "text");
}

TEST(RequestFaults, AreNotWhatTheMachineLacks) {
    EXPECT_EQ(request_fault(std::bad_alloc(), "/completion"), "");
    EXPECT_EQ(request_fault(std::system_error(EAGAIN, std::generic_category()), "/completion"), "");
}

TEST(RequestFaults, AreNotWhatTheModelWrote) {
    EXPECT_EQ(request_fault(std::runtime_error("The model produced output that does not match the expected peg format"),
                            "/v1/chat/completions"),
              "");
}

TEST(RequestFaults, KeepTheOneStatusThatLlamaCppTests) {
    EXPECT_EQ(request_fault(std::runtime_error(no_projector), "/v1/messages"), "");
}

server_http_res answered(int status, const std::string & message) {
    server_http_res response;
    response.status = status;
    response.data =
        safe_json_to_str(json{{"error", json{{"code", status}, {"message", message}, {"type", "server_error"}}}});
    return response;
}

TEST(RequestFaults, GetTheirStatusWhereLlamaCppSaysThatTheServerFailed) {
    server_http_res response = answered(500, "input (600 tokens) is too large to process. increase the physical batch");
    mend_status(response, "/embedding");
    EXPECT_EQ(response.status, 400);
    const json error = json::parse(response.data).at("error");
    EXPECT_EQ(error.at("code"), 400);
    EXPECT_EQ(error.at("type"), "invalid_request_error");
    EXPECT_EQ(error.at("message"), "input (600 tokens) is too large to process. increase the physical batch; set "
                                   "n_ubatch and n_batch to as many tokens, or send a shorter text");
}

TEST(RequestFaults, LeaveOtherAnswersAlone) {
    for (const auto & [status, message] :
         {std::pair(500, "Context size has been exceeded."), std::pair(200, "input (600 tokens) is too large")}) {
        server_http_res   response = answered(status, message);
        const std::string before   = response.data;
        mend_status(response, "/embedding");
        EXPECT_EQ(response.status, status);
        EXPECT_EQ(response.data, before);
    }
}

}  // namespace
