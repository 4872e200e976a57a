#include "requests/response_events.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using nlohmann::json;
using xllamacpp::response_events;

namespace {

std::string event(const json & data) { return "event: " + data.value("type", "") + "\ndata: " + data.dump() + "\n\n"; }

/// What one event has become.
json completed(response_events & events, const json & data) {
    const std::string text  = events.complete(event(data));
    const size_t      begin = text.find("data: ") + 6;
    EXPECT_EQ(text.substr(0, begin), "event: " + data.value("type", "") + "\ndata: ");
    EXPECT_EQ(text.substr(text.size() - 2), "\n\n");
    return json::parse(text.substr(begin));
}

TEST(ResponseEvents, AreNumbered) {
    response_events events;
    EXPECT_EQ(completed(events, {{"type", "response.created"}})["sequence_number"], 0);
    EXPECT_EQ(completed(events, {{"type", "response.in_progress"}})["sequence_number"], 1);
}

TEST(ResponseEvents, SayWhichItemAndWhichOfItsPartsTheyAreAbout) {
    response_events events;
    const auto      added = [](const char * id) {
        return json{{"type", "response.output_item.added"}, {"item", {{"id", id}}}};
    };
    const auto delta = [](const char * type, const char * id) { return json{{"type", type}, {"item_id", id}}; };
    EXPECT_EQ(completed(events, added("rs_1"))["output_index"], 0);
    EXPECT_EQ(completed(events, added("msg_1"))["output_index"], 1);
    EXPECT_EQ(completed(events, delta("response.reasoning_text.delta", "rs_1"))["output_index"], 0);
    const json text = completed(events, delta("response.output_text.delta", "msg_1"));
    EXPECT_EQ(text["output_index"], 1);
    EXPECT_EQ(text["content_index"], 0);
    EXPECT_EQ(text["logprobs"], json::array());
    EXPECT_EQ(completed(events, added("fc_1"))["output_index"], 2);
    const json call = completed(events, delta("response.function_call_arguments.delta", "fc_1"));
    EXPECT_EQ(call["output_index"], 2);
    EXPECT_FALSE(call.contains("content_index"));
}

TEST(ResponseEvents, BeginAResponseWithoutOutput) {
    response_events events;
    EXPECT_EQ(completed(events, {{"type", "response.created"}, {"response", {{"id", "a"}}}})["response"]["output"],
              json::array());
    const json whole = {{"type", "response.completed"}, {"response", {{"output", {{{"id", "a"}}}}}}};
    EXPECT_EQ(completed(events, whole)["response"], whole["response"]);
}

TEST(ResponseEvents, MayComeTogether) {
    response_events   events;
    const std::string both = events.complete("data: {\"type\":\"a\"}\n\ndata: {\"type\":\"b\"}\n\n");
    EXPECT_EQ(both, "data: {\"type\":\"a\",\"sequence_number\":0}\n\ndata: {\"type\":\"b\",\"sequence_number\":1}\n\n");
}

TEST(ResponseEvents, LeaveCommentsAndErrorsAlone) {
    response_events events;
    for (const std::string chunk :
         {":\n\n", "", "data: {\"error\":{\"code\":500}}\n\n", "data: [DONE]\n\n", "data: no end"}) {
        EXPECT_EQ(events.complete(chunk), chunk);
    }
}

}  // namespace
