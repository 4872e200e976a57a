#include "request_options.h"

#include "xllamacpp/params.h"

#include <gtest/gtest.h>

using xllamacpp::mend_options;

namespace {

std::string mended(const std::string & body) { return mend_options(body, common_params(), 100); }

}  // namespace

TEST(MendOptions, PutsOlderNamesUnderThoseOfToday) {
    EXPECT_EQ(mended(R"({"a":1,"reasoning_budget":7})"), R"({"a":1,"reasoning_budget_tokens":7})");
    EXPECT_EQ(mended(R"({"temp":0.5,"prompt":"a"})"), R"({"prompt":"a","temperature":0.5})");
    EXPECT_EQ(mended(R"({"temp":0.5,"temperature":1.5})"), R"({"temperature":1.5})")
        << "today's name has the last word";
}

TEST(MendOptions, LeavesTheRestAlone) {
    for (const char * body : {R"({"prompt" :  "a", "n": 1e3})", R"(["temp"])", R"({"temp":)", "",
                              R"({"messages":[{"temp":1}],"top_k":5})"}) {
        EXPECT_EQ(mended(body), body);
    }
}

TEST(MendOptions, KeepsNumbersWithinWhatCanBeUsed) {
    EXPECT_EQ(mended(R"({"top_k":101,"repeat_last_n":2147483647})"), R"({"top_k":100,"repeat_last_n":1048576})");
    EXPECT_EQ(mended(R"({"top_k":"x"})"), R"({"top_k":"x"})") << "llama.cpp says what is wrong with it";
    EXPECT_EQ(mended(R"({"top_k":-1})"), R"({"top_k":-1})");
    EXPECT_EQ(mend_options(R"({"top_k":101})", common_params(), 0), R"({"top_k":101})") << "before the model is loaded";
}

TEST(MendOptions, ChecksWhatLlamaCppPassesBy) {
    EXPECT_EQ(mended(R"({"speculative.n_min":1,"prompt":"a"})"), R"({"prompt":"a"})");
    EXPECT_THROW(mended(R"({"speculative.n_min":-1})"), xllamacpp::parameter_error);
    EXPECT_THROW(mended(R"({"speculative.nonsense":1})"), xllamacpp::parameter_error);
}

TEST(MendOptions, RefusesToCompareAWholeVocabulary) {
    EXPECT_THROW(mended(R"({"samplers":["infill"]})"), xllamacpp::parameter_error);
    EXPECT_THROW(mended(R"({"samplers":"i"})"), xllamacpp::parameter_error);
    EXPECT_THROW(mended(R"({"samplers":["top_k","infill"],"top_k":0})"), xllamacpp::parameter_error);
    EXPECT_EQ(mended(R"({"samplers":["top_k","infill"]})"), R"({"samplers":["top_k","infill"]})");
}
