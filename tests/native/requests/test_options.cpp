#include "requests/options.h"

#include "requests/limits.h"

#include "xllamacpp/params.h"

#include <gtest/gtest.h>

using xllamacpp::mend_options;

namespace {

std::string mended(const std::string & body) { return mend_options(body, common_params(), 100); }

/// A body, and how the message about it begins.
const std::pair<const char *, const char *> refused_options[] = {
    {R"({"top_k":"x"})", "top_k: expected a whole number"},
    {R"({"max_tokens":1.5})", "max_tokens: expected a whole number of at least -1, got 1.5"},
    {R"({"n":2})", "n: expected a whole number from 1 to 1 (n_parallel): each choice takes a slot, got 2"},
    {R"({"seed":18446744073709551615})",
     "seed: expected a whole number from -1 to 4294967295, got 1844674407370955161"},
    {R"({"logprobs":-1})", "logprobs: expected a whole number of at least 0, got -1"},
    {R"({"n_probs":1001})", "n_probs: expected 1000 or less, or an n_predict"},
    {R"({"n_probs":1001,"n_predict":9999999})", "n_probs: expected 1000 or less, or an n_predict"},
    {R"({"prompt":[[1],["a",100]]})", "prompt.1.1: expected a token, a whole number from 0 to 99, got 100"},
    {R"({"logit_bias":{"99999999999999999999":1}})", "logit_bias: expected a token"},
    {R"({"grammar_triggers":[{"type":2,"value":"(a+)+"}]})", "grammar_triggers.0.type: expected 0 (a token) or 1"},
    {R"({"grammar_triggers":{}})", "grammar_triggers: expected a list"},
    {R"({"grammar_triggers":[{"type":0}]})", "grammar_triggers.0: expected an object with a type and a value"},
    {R"({"chat_parser":"{}"})", "chat_parser: expected none"},
    {R"({"prompt":"a","best_of":2})", "best_of: expected as many as n"},
    {R"({"prompt":"a","suffix":"b"})", "suffix: expected none"},
};

}  // namespace

TEST(MendOptions, PutsOlderNamesUnderThoseOfToday) {
    EXPECT_EQ(mended(R"({"a":1,"reasoning_budget":7})"), R"({"a":1,"reasoning_budget_tokens":7})");
    EXPECT_EQ(mended(R"({"temp":0.5,"prompt":"a"})"), R"({"prompt":"a","temperature":0.5})");
    EXPECT_EQ(mended(R"({"temp":0.5,"temperature":1.5})"), R"({"temperature":1.5})")
        << "today's name has the last word";
}

TEST(MendOptions, LeavesTheRestAlone) {
    for (const char * body : {R"({"prompt" :  "a", "top_p": 1e-1})", R"(["temp"])", R"({"temp":)", "",
                              R"({"messages":[{"temp":1}],"top_k":5})", R"({"top_p":null,"max_tokens":16.0})"}) {
        EXPECT_EQ(mended(body), body);
    }
}

TEST(MendOptions, KeepsNumbersWithinWhatCanBeUsed) {
    EXPECT_EQ(mended(R"({"top_k":101,"repeat_last_n":2147483647})"), R"({"top_k":100,"repeat_last_n":1048576})");
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

TEST(MendOptions, TakesAnEmptyStopForNone) {
    EXPECT_EQ(mended(R"({"stop":""})"), R"({"stop":[]})");
    EXPECT_EQ(mended(R"({"stop":["a","","b"]})"), R"({"stop":["a","b"]})");
    EXPECT_EQ(mended(R"({"stop":["a"]})"), R"({"stop":["a"]})");
}

TEST(MendOptions, TurnsThinkingOffInAnthropicsWords) {
    EXPECT_EQ(mended(R"({"thinking":{"type":"disabled"}})"),
              R"({"thinking":{"type":"disabled"},"chat_template_kwargs":{"enable_thinking":false}})");
    const char * const both = R"({"thinking":{"type":"disabled"},"chat_template_kwargs":{"enable_thinking":true}})";
    EXPECT_EQ(mended(both), both);
    EXPECT_EQ(mended(R"({"thinking":{"type":"enabled"}})"), R"({"thinking":{"type":"enabled"}})");
}

TEST(MendOptions, ReportsAChatsOwnTokensWithoutOthers) {
    EXPECT_EQ(mended(R"({"logprobs":true,"top_logprobs":0})"), R"({"logprobs":true,"top_logprobs":1})");
    EXPECT_EQ(mended(R"({"logprobs":false,"top_logprobs":0})"), R"({"logprobs":false,"top_logprobs":0})");
}

TEST(MendOptions, RefusesWhatAnOptionCannotHold) {
    for (const auto & [body, message] : refused_options) {
        try {
            mended(body);
            ADD_FAILURE() << body;
        } catch (const xllamacpp::parameter_error & e) {
            EXPECT_EQ(std::string(e.what()).rfind(message, 0), 0u) << body << ": " << e.what();
        }
    }
}

TEST(MendOptions, RefusesListsThatWouldTakeTheirTimeAtEveryToken) {
    const auto repeated = [](const std::string & one, int count) {
        std::string many = one;
        for (int i = 1; i < count; ++i) {
            many += "," + one;
        }
        return many;
    };
    const std::string stops = repeated("\"a\"", 1024);
    EXPECT_EQ(mended(R"({"stop":[)" + stops + "]}"), R"({"stop":[)" + stops + "]}");
    const std::string biases = repeated("[1,1]", 100);
    EXPECT_EQ(mended(R"({"logit_bias":[)" + biases + "]}"), R"({"logit_bias":[)" + biases + "]}");
    for (const std::string & body :
         {R"({"stop":[)" + stops + R"(,"b"]})", R"({"stop_sequences":[)" + stops + R"(,"b"]})",
          R"({"samplers":")" + std::string(33, 'k') + R"("})", R"({"samplers":[)" + repeated(R"("dry")", 33) + "]}",
          R"({"logit_bias":[)" + biases + ",[1,1]]}",
          R"({"grammar_triggers":[)" + repeated(R"({"type":1,"value":"a"})", 257) + "]}"}) {
        try {
            mended(body);
            ADD_FAILURE() << body;
        } catch (const xllamacpp::parameter_error & e) {
            EXPECT_NE(std::string(e.what()).find(": expected at most "), std::string::npos) << e.what();
        }
    }
    EXPECT_EQ(mended(R"({"stop":")" + std::string(2000, 'a') + R"("})").size(), 2011u) << "one long text is one";
}

TEST(MendOptions, KnowsNoLastTokenBeforeTheModelIsLoaded) {
    const std::string body = R"({"prompt":[100],"logit_bias":[[100,1]]})";
    EXPECT_THROW(mended(body), xllamacpp::parameter_error);
    EXPECT_EQ(mend_options(body, common_params(), 0), body);
}

TEST(MendOptions, KnowsAParameterForEachOptionThatHoldsWhatOneDoes) {
    for (const auto & [option, parameter] : xllamacpp::option_parameters()) {
        EXPECT_NO_THROW(xllamacpp::params().get(parameter)) << option;
    }
}

TEST(CheckInfillBody, WantsBothSidesOfTheGap) {
    using xllamacpp::check_infill_body;
    EXPECT_NO_THROW(check_infill_body(R"({"input_prefix":"","input_suffix":"b","temp":1})"));
    EXPECT_THROW(check_infill_body(R"({"input_prefix":"a"})"), xllamacpp::parameter_error);
    EXPECT_THROW(check_infill_body(R"({"input_prefix":5,"input_suffix":"b"})"), xllamacpp::parameter_error);
    EXPECT_THROW(check_infill_body(R"({"input_prefix":"a","input_suffix":"b","prompt":[1]})"),
                 xllamacpp::parameter_error);
    EXPECT_NO_THROW(check_infill_body("no JSON")) << "llama.cpp says what is wrong with it";
}
