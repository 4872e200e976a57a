#include "requests/response_items.h"

#include <gtest/gtest.h>

using xllamacpp::mend_response_items;

namespace {

TEST(ResponseItems, AnAssistantsMessageIsOne) {
    EXPECT_EQ(
        mend_response_items(R"({"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"seed":1})"),
        R"({"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b","type":"message"}],"seed":1})");
}

TEST(ResponseItems, EverythingElseStaysAsItIs) {
    for (const char * body : {
             R"({"input": [{"role": "assistant", "content": "b", "type": "message"}]})",
             R"({"input": [{"role": "user", "content": "a"}, {"type": "reasoning"}, "a", 1, {}]})",
             R"({"input": [{"role": "assistant"}]})",
             R"({"input": "a"})",
             "[]",
             "{",
         }) {
        EXPECT_EQ(mend_response_items(body), body);
    }
}

}  // namespace
