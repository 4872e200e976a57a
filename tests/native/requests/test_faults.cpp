#include "requests/faults.h"

#include "server-common.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <system_error>

using namespace xllamacpp;

namespace {

TEST(RequestFaults, AreWhatReadingARequestThrows) {
    EXPECT_TRUE(is_requests_fault(common_json_error("parse error at line 1, column 2")));
    EXPECT_TRUE(is_requests_fault(std::runtime_error("Failed to parse messages: ...")));
    EXPECT_TRUE(is_requests_fault(std::out_of_range("stoi")));
    EXPECT_TRUE(is_requests_fault(std::length_error("vector::_M_default_append")));
}

TEST(RequestFaults, AreNotWhatTheMachineOrTheModelLacks) {
    EXPECT_FALSE(is_requests_fault(std::bad_alloc()));
    EXPECT_FALSE(is_requests_fault(std::system_error(EAGAIN, std::generic_category())));
    EXPECT_FALSE(is_requests_fault(std::runtime_error(
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj")));
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
    mend_status(response);
    EXPECT_EQ(response.status, 400);
    const json error = json::parse(response.data).at("error");
    EXPECT_EQ(error.at("code"), 400);
    EXPECT_EQ(error.at("type"), "invalid_request_error");
    EXPECT_NE(error.at("message").get<std::string>().find("600 tokens"), std::string::npos);
}

TEST(RequestFaults, LeaveOtherAnswersAlone) {
    for (const auto & [status, message] :
         {std::pair(500, "Context size has been exceeded."), std::pair(200, "is too large to process")}) {
        server_http_res   response = answered(status, message);
        const std::string before   = response.data;
        mend_status(response);
        EXPECT_EQ(response.status, status);
        EXPECT_EQ(response.data, before);
    }
}

}  // namespace
