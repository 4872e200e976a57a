// The table of parameters: reading, writing, refusing.
#include "params/native.h"
#include "params_refusals.h"

#include "ggml.h"

#include <vector>

namespace {

std::string set_refusal(const std::string & path, const std::string & value) {
    params            p;
    const std::string before = p.get("");
    const std::string text   = refusal_of([&] { p.set(path, value); });
    EXPECT_TRUE(p.get("") == before) << path << " was changed by what it refused";
    return text;
}

}  // namespace

TEST(params, defaults_are_llama_cpps_but_for_the_port) {
    const params        p;
    const common_params defaults = {};
    EXPECT_EQ(p.get("n_batch"), std::to_string(defaults.n_batch));
    EXPECT_EQ(p.get("hostnames"), R"(["127.0.0.1"])");
    EXPECT_EQ(p.get("port"), "0");
    EXPECT_NE(defaults.port, 0);
}

TEST(params, reads_back_what_was_set) {
    const std::vector<std::pair<std::string, std::string>> values = {
        {"n_ctx", "512"},
        {"n_predict", "-1"},
        {"warmup", "false"},
        {"sampling.temp", "0.0"},
        {"sampling.seed", "4294967295"},
        {"model.path", R"("a \"b\" \u00e9.gguf")"},
        {"pooling_type", "3"},
        {"api_keys", R"(["a","b"])"},
        {"model_alias", R"(["x"])"},
        {"default_template_kwargs", R"({"k":"true"})"},
        {"speculative.types", "[1,6]"},
        {"speculative.draft.mparams.path", R"("d.gguf")"},
        {"speculative.ngram_simple.size_n", "7"},
        {"sampling.reasoning_budget_end", "[[1,2],[3]]"},
        {"cpuparams.n_threads", "3"},
        {"timeout_read", "5"},
        {"video_timestamp_interval_ms", "9000000000"},
        {"lora_adapters", R"([{"path":"l.gguf","scale":0.5,"task_name":"","prompt_prefix":""}])"},
    };
    params p;
    for (const auto & [path, value] : values) {
        p.set(path, value);
        EXPECT_EQ(json::parse(p.get(path)), json::parse(value)) << path;
    }
}

TEST(params, floats_leave_as_their_shortest_decimal) {
    params p;
    EXPECT_EQ(p.get("sampling.top_p"), "0.95");
    p.set("sampling.temp", "1");
    EXPECT_EQ(p.get("sampling.temp"), "1.0");
    p.set("rope_freq_base", "1e30");
    EXPECT_FLOAT_EQ(p.get_native().value.rope_freq_base, 1e30f);
    EXPECT_EQ(json::parse(p.get("rope_freq_base")).get<float>(), 1e30f);
}

TEST(params, elements_are_reached_by_index) {
    params p;
    p.set("lora_adapters", R"([{"path":"a"},{"path":"b"}])");
    EXPECT_EQ(p.get("lora_adapters.1.scale"), "1.0") << "an adapter counts fully unless it is said otherwise";
    p.set("lora_adapters.0.scale", "0.25");
    EXPECT_EQ(p.get_native().value.lora_adapters[0].scale, 0.25f);
    p.set("tensor_split.2", "3");
    EXPECT_EQ(p.get_native().value.tensor_split[2], 3.0f);
    p.set("tensor_split", "[1, 2]");
    EXPECT_EQ(p.get_native().value.tensor_split[2], 0.0f);
    EXPECT_TRUE(has(refusal_of([&] { p.get("lora_adapters.2.scale"); }), "length of 2"));
    EXPECT_TRUE(has(refusal_of([&] { p.get("lora_adapters.x"); }), "index"));
}

TEST(params, refuses_what_does_not_fit_and_says_why) {
    EXPECT_EQ(set_refusal("n_ctx", R"("abc")"), "n_ctx: expected a whole number from 0 to 1073741824, got \"abc\"");
    EXPECT_EQ(set_refusal("n_keep", "1.5"), "n_keep: expected a whole number from -2147483648 to 2147483647, got 1.5");
    EXPECT_EQ(set_refusal("n_ctx", "-1"), "n_ctx: expected a whole number from 0 to 1073741824, got -1");
    EXPECT_EQ(set_refusal("port", "65536"), "port: expected a whole number from 0 to 65535, got 65536");
    for (const char * wrong : {"1.5", "true", "null", "[1]", "2147483648", "18446744073709551616"}) {
        EXPECT_TRUE(has(set_refusal("n_batch", wrong), "n_batch: expected a whole number")) << wrong;
    }
    EXPECT_TRUE(has(set_refusal("sampling.seed", "-1"), "from 0 to 4294967295"));
    EXPECT_TRUE(has(set_refusal("speculative.ngram_simple.size_n", "70000"), "from 0 to 65535"));
    EXPECT_TRUE(has(set_refusal("warmup", "1"), "true or false"));
    EXPECT_TRUE(has(set_refusal("sampling.temp", R"("hot")"), "a number"));
    EXPECT_TRUE(has(set_refusal("sampling.temp", "1e300"), "a number"));
    EXPECT_TRUE(has(set_refusal("sampling.temp", R"("inf")"), "finite"));
    EXPECT_TRUE(has(set_refusal("sampling.penalty_repeat", "0"), "above 0"));
    EXPECT_TRUE(has(set_refusal("n_parallel", "0"), "other than 0"));
    EXPECT_TRUE(has(set_refusal("hostnames", "[]"), "at least one"));
    EXPECT_TRUE(has(set_refusal("model.path", "5"), "a string"));
    EXPECT_TRUE(has(set_refusal("model.path", R"("a\u0000b")"), "NUL"));
    EXPECT_TRUE(has(set_refusal("pooling_type", "99"), "LLAMA_POOLING_TYPE_MEAN"));
    EXPECT_TRUE(has(set_refusal("cache_type_k", "26"), "GGML_TYPE_F16")) << "llama.cpp aborts on a cache of integers";
    EXPECT_TRUE(has(set_refusal("speculative.types", "[11]"), "COMMON_SPECULATIVE_TYPE_NONE")) << "COUNT is no type";
    EXPECT_TRUE(has(set_refusal("fit_params_target", "[1, 2]"), "one that counts for all"));
    EXPECT_TRUE(has(set_refusal("default_template_kwargs", R"({"k":"high"})"), "default_template_kwargs.k"));
    EXPECT_TRUE(has(set_refusal("lora_adapters", R"([{"path":"a"},{"scale":"x"}])"), "lora_adapters.1.scale"));
    EXPECT_TRUE(has(set_refusal("n_ctx", "{"), "not JSON"));
}

TEST(params, refuses_unknown_names_and_suggests_a_known_one) {
    EXPECT_EQ(set_refusal("n_ctxx", "1"), "n_ctxx: common_params has no such field; did you mean 'n_ctx'?");
    EXPECT_TRUE(has(set_refusal("sampling.tmp", "1"), "did you mean 'temp'?"));
    EXPECT_TRUE(has(set_refusal("sampling", R"({"tmp":1})"), "sampling.tmp"));
    EXPECT_TRUE(has(set_refusal("cb_eval", "[]"), "a C function"));
    EXPECT_TRUE(has(set_refusal("n_ctx.x", "1"), "n_ctx: there is no 'x'"));
}

TEST(params, enumerators_go_by_number_and_by_name) {
    params p;
    p.set("pooling_type", R"("LLAMA_POOLING_TYPE_LAST")");
    EXPECT_EQ(p.get("pooling_type"), "3");
}

TEST(params, a_structure_is_replaced_as_a_whole) {
    params p;
    p.set("model", R"({"path":"a","url":"b"})");
    p.set("model", R"({"path":"c"})");
    EXPECT_EQ(p.get("model.url"), R"("")");
}

TEST(params, one_margin_counts_for_every_device) {
    params p;
    p.set("fit_params_target", "[7]");
    EXPECT_EQ(p.get_native().value.fit_params_target, std::vector<size_t>(llama_max_devices(), 7));
}

TEST(params, a_grammar_may_be_a_string) {
    params p;
    p.set("sampling.grammar", R"("root ::= \"a\"")");
    EXPECT_EQ(p.get_native().value.sampling.grammar.type, COMMON_GRAMMAR_TYPE_USER);
    p.set("sampling.grammar", R"("")");
    EXPECT_TRUE(p.get_native().value.sampling.grammar.empty());
}

TEST(params, a_bias_may_be_infinite) {
    params p;
    p.set("sampling.logit_bias", R"([{"token":5,"bias":"-inf"}])");
    EXPECT_EQ(p.get_native().value.sampling.logit_bias[0].bias, -INFINITY);
    EXPECT_EQ(p.get("sampling.logit_bias.0.bias"), R"("-inf")");
}

TEST(params, what_was_set_is_not_left_to_the_models_recommendation) {
    params p;
    p.set("sampling.temp", "0");
    EXPECT_EQ(p.get_native().value.sampling.user_sampling_config, COMMON_PARAMS_SAMPLING_CONFIG_TEMP);
    params all;
    all.set("sampling", p.get("sampling"));
    EXPECT_EQ(all.get("sampling"), p.get("sampling")) << "a whole structure says itself what was set by hand";
}

TEST(params, copies_are_independent) {
    params a;
    a.set("n_ctx", "1");
    params b = a;
    b.set("n_ctx", "2");
    EXPECT_EQ(a.get("n_ctx"), "1");
    a = b;
    EXPECT_EQ(a.get("n_ctx"), "2");
}

TEST(params, older_names_work_both_ways) {
    params p;
    p.set("reranking", "true");
    EXPECT_EQ(p.get("embedding"), "true");
    EXPECT_EQ(p.get_native().value.pooling_type, LLAMA_POOLING_TYPE_RANK);
    EXPECT_EQ(p.get("reranking"), "true");
    p.set("pooling_type", "1");
    EXPECT_EQ(p.get("reranking"), "false");
    p.set("reranking", "false");
    EXPECT_EQ(p.get("embedding"), "true") << "it was off already";

    p.set("reasoning_budget", "9");
    EXPECT_EQ(p.get("sampling.reasoning_budget_tokens"), "9");
    p.set("hostname", R"("0.0.0.0")");
    EXPECT_EQ(p.get("hostnames"), R"(["0.0.0.0"])");

    p.set("speculative.mparams_dft.path", R"("d")");
    EXPECT_EQ(p.get("speculative.draft.mparams.path"), R"("d")");
    p.set("speculative.types", "[0, 9]");
    EXPECT_EQ(p.get("speculative.type"), "9");
    p.set("speculative.type", "6");
    EXPECT_EQ(p.get("speculative.types"), "[6]");
    p.set("speculative.n_max", "8");
    p.set("speculative.n_min", "4");
    EXPECT_EQ(p.get("speculative.draft.n_max") + p.get("speculative.draft.n_min"), "84");
    p.set("speculative.ngram_size_n", "5");
    p.set("speculative.ngram_size_m", "6");
    p.set("speculative.ngram_min_hits", "2");
    for (const char * map : {"ngram_simple", "ngram_map_k", "ngram_map_k4v"}) {
        EXPECT_EQ(p.get(std::string("speculative.") + map), R"({"size_n":5,"size_m":6,"min_hits":2})");
    }
    EXPECT_EQ(p.get("speculative.ngram_size_n"), "5");
    EXPECT_FALSE(json::parse(p.get("")).contains("reranking")) << "every setting is there once";
}

TEST(params, older_names_keep_to_their_fields_bounds) {
    EXPECT_TRUE(has(set_refusal("reasoning_budget", "-2"), "at least -1"));
    EXPECT_TRUE(has(set_refusal("speculative.n_max", "0"), "from 1 to 1024"));
    EXPECT_TRUE(has(set_refusal("speculative.ngram_size_n", "0"), "from 1 to 1024"));
    EXPECT_TRUE(has(set_refusal("speculative.ngram_min_hits", "0"), "at least 1"));
}

TEST(params, every_field_takes_its_own_value) {
    const json table = json::parse(params::table());
    params     p;
    for (const json & row : table.at("structures").at("common_params")) {
        const std::string name   = row.at("name");
        const std::string before = p.get(name);
        p.set(name, before);
        EXPECT_EQ(p.get(name), before) << name;
    }
}

TEST(params, every_row_is_documented) {
    const json table = json::parse(params::table());
    for (const char * part : {"structures", "aliases"}) {
        for (const auto & structure : table.at(part).items()) {
            for (const json & row : structure.value()) {
                const std::string doc = row.at("doc");
                EXPECT_FALSE(doc.empty()) << structure.key() << "." << row.at("name");
                EXPECT_TRUE(doc.back() == '.') << doc;
            }
        }
    }
    EXPECT_EQ(table.at("enums").at("llama_pooling_type").at("LLAMA_POOLING_TYPE_RANK"), 4);
}
