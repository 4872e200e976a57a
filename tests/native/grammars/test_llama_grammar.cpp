// The reading of llama.cpp's grammars in the place of llama.cpp, on the vocabulary of a real model.
#include "grammars/llama_grammar_tokens.h"
#include "llama-grammar.h"
#include "llama-vocab.h"
#include "llama.h"
#include "serving.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// What llama-sampler.cpp calls.
void xllamacpp_grammar_apply(const llama_grammar & grammar, llama_token_data_array * candidates);
void xllamacpp_grammar_accept(llama_grammar & grammar, llama_token token);

namespace {

struct freed {
    void operator()(llama_model * model) const { llama_model_free(model); }
    void operator()(llama_grammar * grammar) const { llama_grammar_free_impl(grammar); }
};

using grammar_ptr = std::unique_ptr<llama_grammar, freed>;
using mask        = std::vector<bool>;

class LlamaGrammar : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        xllamacpp::load_backends(XLLAMACPP_MODULE_DIR);
        llama_model_params params = llama_model_default_params();
        params.vocab_only         = true;
        model_.reset(llama_model_load_from_file(xllamacpp::model_path().c_str(), params));
        ASSERT_NE(model_, nullptr);
    }

    static void TearDownTestSuite() { model_.reset(); }

    static const llama_vocab & vocab() { return *llama_model_get_vocab(model_.get()); }

    static grammar_ptr parse(const std::string & text, const std::vector<std::string> & patterns = {},
                             const std::vector<llama_token> & tokens = {}) {
        std::vector<const char *> pattern_texts;
        for (const std::string & pattern : patterns) {
            pattern_texts.push_back(pattern.c_str());
        }
        const bool is_lazy = !patterns.empty() || !tokens.empty();
        return grammar_ptr(llama_grammar_init_impl(&vocab(), text.c_str(), "root", is_lazy, pattern_texts.data(),
                                                   pattern_texts.size(), tokens.data(), tokens.size()));
    }

    /// Which tokens are allowed.
    template <typename Apply> static mask allowed(const llama_grammar & grammar, Apply apply) {
        std::vector<llama_token_data> data(vocab().n_tokens());
        for (size_t token = 0; token < data.size(); ++token) {
            data[token] = {static_cast<llama_token>(token), 0.0F, 0.0F};
        }
        llama_token_data_array candidates = {data.data(), data.size(), -1, false};
        apply(grammar, &candidates);
        mask result(data.size());
        for (const llama_token_data & candidate : data) {
            result[candidate.id] = candidate.logit == 0.0F;
        }
        return result;
    }

    /// The tokens that are in one alone.
    static std::vector<std::string> difference(const mask & one, const mask & other) {
        std::vector<std::string> texts;
        for (size_t token = 0; token < one.size(); ++token) {
            if (one[token] != other[token]) {
                texts.push_back(vocab().token_to_piece(static_cast<llama_token>(token)));
            }
        }
        return texts;
    }

    static mask allowed_here(const llama_grammar & grammar) { return allowed(grammar, xllamacpp::forbid_tokens); }

    static llama_token token(const std::string & piece) {
        for (int32_t id = 0; id < static_cast<int32_t>(vocab().n_tokens()); ++id) {
            if (vocab().token_to_piece(id) == piece) {
                return id;
            }
        }
        throw std::runtime_error("the model has no token " + piece);
    }

    static bool allows(const llama_grammar & grammar, const std::string & piece) {
        return allowed_here(grammar)[token(piece)];
    }

    static std::string problem(llama_grammar & grammar, llama_token token) {
        try {
            xllamacpp_grammar_accept(grammar, token);
        } catch (const std::runtime_error & e) {
            return e.what();
        }
        return "none";
    }

  private:
    static std::unique_ptr<llama_model, freed> model_;
};

std::unique_ptr<llama_model, freed> LlamaGrammar::model_;

const char * const json_grammar = R"(
root   ::= object
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]+)? ([eE] [-+]? [1-9] [0-9]{0,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
)";

TEST_F(LlamaGrammar, AllowsTheTokensThatLlamaCppDoes) {
    uint32_t   random = 1;
    const auto pick   = [&](const mask & tokens) {
        std::vector<llama_token> choices;
        for (size_t token = 0; token < tokens.size(); ++token) {
            if (tokens[token]) {
                choices.push_back(static_cast<llama_token>(token));
            }
        }
        random = random * 1664525 + 1013904223;
        return choices.empty() ? LLAMA_TOKEN_NULL : choices[(random >> 8) % choices.size()];
    };
    for (const std::string grammar : {
             json_grammar,
             "root ::= .*",
             "root ::= [^a-z]{3,}",
             "root ::= [\\u4e00-\\u9fff\\U0001F300-\\U0001FAFF]+ | [\\u0400-\\u04FF]+",
             "root ::= [^\\u00e9 a]+",
             "root ::= \"if\" (\" \"+ word)+\nword ::= [a-z]+ | [a-z]+ \"ing\" | \"(\" root \")\"",
             "root ::= (\"a\" | \"an\" | \"ant\" | [b-z])+",
             "root ::= ([0-9]+ \"-\"?){2,4} \"!\"",
             "root ::= (<[5]> | <[7]>) [a-z]+ | <[9]>",
         }) {
        const grammar_ptr ours   = parse(grammar);
        const grammar_ptr theirs = parse(grammar);
        for (int i = 0; i < 24; ++i) {
            const mask expected = allowed(*theirs, llama_grammar_apply_impl);
            ASSERT_EQ(difference(allowed_here(*ours), expected), std::vector<std::string>())
                << grammar << " after " << i << " tokens";
            const llama_token next = pick(expected);
            if (next == LLAMA_TOKEN_NULL || vocab().is_eog(next)) {
                break;
            }
            xllamacpp_grammar_accept(*ours, next);
            llama_grammar_accept_impl(*theirs, next);
        }
    }
}

TEST_F(LlamaGrammar, WaitsForTheTriggersThatLlamaCppDoes) {
    const std::vector<std::string> patterns = {"[\\s\\S]*?(<call[\\s\\S]*)"};
    const std::vector<llama_token> tokens   = {token("@")};
    for (const std::vector<const char *> & text :
         {std::vector<const char *>{"I", " say", " <", "call"}, std::vector<const char *>{"I", "@"}}) {
        const std::string grammar = "root ::= \"<call\" [a-z]* | \"@\" [0-9]+";
        const grammar_ptr ours    = parse(grammar, patterns, tokens);
        const grammar_ptr theirs  = parse(grammar, patterns, tokens);
        for (const char * piece : text) {
            ASSERT_TRUE(ours->awaiting_trigger) << piece;
            xllamacpp_grammar_accept(*ours, token(piece));
            llama_grammar_accept_impl(*theirs, token(piece));
            EXPECT_EQ(ours->awaiting_trigger, theirs->awaiting_trigger) << piece;
            EXPECT_EQ(ours->trigger_buffer, theirs->trigger_buffer) << piece;
        }
        ASSERT_FALSE(ours->awaiting_trigger);
        EXPECT_EQ(difference(allowed_here(*ours), allowed(*theirs, llama_grammar_apply_impl)),
                  std::vector<std::string>());
    }
}

// llama.cpp allows "in" and half a character too, and then finds nothing that could come of them.
TEST_F(LlamaGrammar, ReadsATokenThatIsNamedAsAWhole) {
    const grammar_ptr grammar = parse("root ::= [a-z] !<[9]>");
    EXPECT_TRUE(allows(*grammar, "i"));
    EXPECT_FALSE(allows(*grammar, "in"));
    EXPECT_EQ(problem(*grammar, token("i")), "none");
    EXPECT_TRUE(allows(*grammar, "in"));
    EXPECT_FALSE(allows(*grammar, vocab().token_to_piece(9)));
    EXPECT_FALSE(allows(*grammar, " \xC3"));
}

// llama.cpp would take hours for each of these.
TEST_F(LlamaGrammar, ReadsTokensInAllWaysTogether) {
    const grammar_ptr optional = parse("root ::= b{0,40} \"x\"\nb ::= (\"a\"?){0,40}");
    EXPECT_TRUE(allows(*optional, "aaaa"));
    EXPECT_TRUE(allows(*optional, "x"));
    EXPECT_FALSE(allows(*optional, "ab"));

    std::string alike = "root ::= (\"-\"";
    for (int i = 0; i < 100; ++i) {
        alike += " | [a-z]";
    }
    const grammar_ptr words = parse(alike + ")*");
    EXPECT_TRUE(allows(*words, "ability"));
    EXPECT_FALSE(allows(*words, " ability"));
}

TEST_F(LlamaGrammar, EndsWhereThereAreTooManyWays) {
    std::string lists = "root ::= \"x\"";
    for (char c = 'a'; c < 'a' + 17; ++c) {
        lists += std::string(" | \"[\" root \"") + c + '"';
    }
    const grammar_ptr grammar = parse(lists);
    EXPECT_EQ(problem(*grammar, token("[")), "none");
    EXPECT_EQ(problem(*grammar, token("x")), "none");
    EXPECT_TRUE(allows(*grammar, "q"));
    EXPECT_FALSE(allows(*grammar, "r"));

    const grammar_ptr nested = parse(lists);
    EXPECT_TRUE(allows(*nested, "[["));
    EXPECT_NE(problem(*nested, token("[[")).find("in more than 4096 ways"), std::string::npos);
    EXPECT_TRUE(allows(*nested, "x")) << "what fails changes nothing";
}

TEST_F(LlamaGrammar, SaysWhereATokenIsNotAllowed) {
    const grammar_ptr grammar = parse("root ::= \"a\" \"b\"");
    EXPECT_NE(problem(*grammar, token("b")).find("it does not allow \"b\" here"), std::string::npos);
    EXPECT_NE(problem(*grammar, vocab().token_eos()).find("ended before the grammar did"), std::string::npos);
    EXPECT_EQ(problem(*grammar, token("a")), "none");
    EXPECT_EQ(problem(*grammar, token("b")), "none");
    EXPECT_EQ(problem(*grammar, vocab().token_eos()), "none");
}

}  // namespace
