// The table of parameters: reading, writing, refusing, and its agreement with llama.cpp's header and command line.
#include "xllamacpp/params.h"

#include "params_native.h"

#include "arg.h"
#include "ggml.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>

#ifndef LLAMA_CPP_DIR
#    error "LLAMA_CPP_DIR has to name llama.cpp's sources, as a string: this file compares the table with its headers"
#endif

namespace {

using json = nlohmann::ordered_json;
using xllamacpp::params;
using xllamacpp::prepare;

/// What the exception says; "" where there was none.
template <class Action> std::string refusal_of(Action action) {
    try {
        action();
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "";
}

std::string set_refusal(const std::string & path, const std::string & value) {
    params            p;
    const std::string before = p.get("");
    const std::string text   = refusal_of([&] { p.set(path, value); });
    EXPECT_TRUE(p.get("") == before) << path << " was changed by what it refused";
    return text;
}

bool has(const std::string & text, const std::string & part) { return text.find(part) != std::string::npos; }

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
    EXPECT_EQ(set_refusal("n_ctx", R"("abc")"), "n_ctx: expected a whole number of at least 0, got \"abc\"");
    EXPECT_EQ(set_refusal("n_keep", "1.5"), "n_keep: expected a whole number from -2147483648 to 2147483647, got 1.5");
    EXPECT_EQ(set_refusal("n_ctx", "-1"), "n_ctx: expected a whole number of at least 0, got -1");
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
    EXPECT_TRUE(has(set_refusal("devices", "[]"), "--device"));
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
    EXPECT_TRUE(has(set_refusal("speculative.n_max", "-1"), "at least 0"));
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

namespace {

/// The data members of `name`, from llama.cpp's own text.
std::set<std::string> members_in_header(const std::string & header, const std::string & name) {
    std::ifstream     file(std::string(LLAMA_CPP_DIR) + "/" + header);
    std::stringstream content;
    content << file.rdbuf();
    std::string  text  = std::regex_replace(content.str(), std::regex("//[^\n]*"), "");
    const size_t start = text.find("struct " + name + " {");
    if (start == std::string::npos) {
        return {};
    }
    size_t      end   = text.find('{', start);
    size_t      depth = 0;
    std::string body;  // with what is in braces left out: a function's end, or an initial value
    for (;; ++end) {
        if (text[end] == '{') {
            if (depth++ == 1) {
                const size_t last        = body.find_last_not_of(" \n");
                const bool   is_function = body[last] == ')' || body.compare(last >= 4 ? last - 4 : 0, 5, "const") == 0;
                body += is_function ? ";" : "";
            }
        } else if (text[end] == '}') {
            if (--depth == 0) {
                break;
            }
        } else if (depth == 1) {
            body += text[end];
        }
    }
    std::set<std::string> members;
    std::istringstream    declarations(body);
    for (std::string one; std::getline(declarations, one, ';');) {
        one = one.substr(0, one.find('='));
        one = std::regex_replace(one, std::regex("\\[[^\\]]*\\]|<[^;]*>"), " ");
        std::smatch last_word;
        if (one.find('(') == std::string::npos &&
            std::regex_search(one, last_word, std::regex("\\w+\\s+[*&\\s]*(\\w+)\\s*$"))) {
            members.insert(last_word[1]);
        }
    }
    return members;
}

}  // namespace

TEST(params, the_table_has_every_member_of_llama_cpps_structures) {
    const json table = json::parse(params::table());
    for (const auto & structure : table.at("structures").items()) {
        std::set<std::string> members = members_in_header("common/common.h", structure.key());
        if (members.empty()) {
            members = members_in_header("include/llama.h", structure.key());
        }
        ASSERT_FALSE(members.empty()) << structure.key() << " was not found in llama.cpp's headers";
        std::set<std::string> rows;
        for (const json & row : structure.value()) {
            rows.insert(row.at("name"));
        }
        for (const json & row : table.at("omitted").at(structure.key())) {
            rows.insert(row.at("name"));
        }
        EXPECT_EQ(rows, members) << structure.key();
    }
}

namespace {

std::string parse_refusal(const std::vector<std::string> & arguments) {
    params            p;
    const std::string before = p.get("");
    const std::string text   = refusal_of([&] { p.parse_arguments(arguments); });
    EXPECT_TRUE(p.get("") == before) << "the parameters were changed by what was refused";
    return text;
}

/// Values of which every option of llama.cpp's server takes one.
const std::vector<std::string> candidates = {
    "70",    "3",       "0.5", "on",  "none",          "layer", "f16",      "yarn",    "mmap",        "last",
    "top_k", "isolate", "5+1", "0-3", "{\"a\":\"1\"}", ".",     "deepseek", "a=int:1", "ngram-simple"};

/// What has an effect outside of the parameters, needs a device or a file, or is looked at elsewhere.
const std::set<std::string> apart = {"--log-disable",
                                     "--log-file",
                                     "--log-jsonl",
                                     "--log-colors",
                                     "--log-prefix",
                                     "--log-timestamps",
                                     "--log-prompts-dir",
                                     "--rpc",
                                     "--device",
                                     "--override-tensor",
                                     "--spec-draft-override-tensor",
                                     "--spec-draft-device",
                                     "--mmproj-device",
                                     "--chat-template",
                                     "--chat-template-file",
                                     "--verbose",
                                     "--verbosity",
                                     "--help",
                                     "--version",
                                     "--cache-list",
                                     "--list-devices",
                                     "--completion-bash",
                                     "--dry-sequence-breaker"};

/// The words of a command line for `option`, or none where no candidate fits.
std::vector<std::string> example_of(const common_arg & option) {
    const std::string name = option.args.back();
    if (option.handler_str_str) {
        return {name, "1", "2"};
    }
    if (!option.handler_int && !option.handler_string) {
        return {name};
    }
    for (const std::string & value : candidates) {
        try {
            common_params scratch;
            if (option.handler_int) {
                option.handler_int(scratch, std::stoi(value));
            } else {
                option.handler_string(scratch, value);
            }
            return {name, value};
        } catch (const std::exception &) {
            continue;
        }
    }
    return {};
}

std::string parsed_by_llama_cpp(std::vector<std::string> words) {
    words.insert(words.begin(), "program");
    std::vector<char *> argv;
    for (std::string & word : words) {
        argv.push_back(word.data());
    }
    params p;
    EXPECT_TRUE(
        common_params_parse(static_cast<int>(argv.size()), argv.data(), p.get_native().value, LLAMA_EXAMPLE_SERVER));
    prepare(p.get_native().value);
    return p.get("");
}

std::string parsed_by_us(const std::vector<std::string> & words) {
    params p;
    p.parse_arguments(words);
    prepare(p.get_native().value);
    return p.get("");
}

}  // namespace

TEST(params_arguments, every_option_does_what_llama_cpps_parser_does) {
    common_params defaults;
    size_t        compared = 0;
    for (const common_arg & option : common_params_parser_init(defaults, LLAMA_EXAMPLE_SERVER).options) {
        const std::vector<std::string> names = option.get_args();
        if (std::any_of(names.begin(), names.end(), [](const auto & n) { return apart.count(n); })) {
            continue;
        }
        std::vector<std::vector<std::string>> examples = {example_of(option)};
        if (!option.args_neg.empty()) {
            examples.push_back({option.args_neg.back()});
        }
        for (const std::vector<std::string> & words : examples) {
            if (words.empty()) {
                continue;
            }
            // Ours first: on what llama.cpp says no to it may end the process.
            json ours;
            ASSERT_NO_THROW(ours = json::parse(parsed_by_us(words))) << words[0];
            const json theirs = json::parse(parsed_by_llama_cpp(words));
            EXPECT_TRUE(ours == theirs) << words[0] << ": " << json::diff(theirs, ours);
            ++compared;
        }
    }
    EXPECT_GT(compared, 200U);
}

TEST(params_arguments, several_at_once_and_negations) {
    const std::vector<std::string> words = {
        "-c", "512",   "--no-warmup", "--temp",       "0.25",        "-np", "2", "--no_cont_batching",
        "-r", "a\\nb", "--spec-type", "ngram-simple", "--reranking", "-lv", "4"};
    EXPECT_TRUE(parsed_by_us(words) == parsed_by_llama_cpp(words));
    params p;
    p.parse_arguments(words);
    EXPECT_EQ(p.get("warmup"), "false");
    EXPECT_EQ(p.get("antiprompt"), R"(["a\nb"])");
    EXPECT_EQ(p.get("reranking"), "true");
}

TEST(params_arguments, the_environment_counts_and_arguments_come_after_it) {
    ASSERT_EQ(setenv("LLAMA_ARG_CTX_SIZE", "100", 1), 0);
    ASSERT_EQ(setenv("LLAMA_ARG_NO_CONT_BATCHING", "1", 1), 0);
    params p;
    p.parse_arguments({});
    params q;
    q.parse_arguments({"-c", "200"});
    ASSERT_EQ(setenv("LLAMA_ARG_CTX_SIZE", "many", 1), 0);
    const std::string text = refusal_of([] { params().parse_arguments({}); });
    unsetenv("LLAMA_ARG_CTX_SIZE");
    unsetenv("LLAMA_ARG_NO_CONT_BATCHING");
    EXPECT_EQ(p.get("n_ctx"), "100");
    EXPECT_EQ(p.get("cont_batching"), "false");
    EXPECT_EQ(q.get("n_ctx"), "200");
    EXPECT_TRUE(has(text, "LLAMA_ARG_CTX_SIZE=many: expected a number")) << text;
}

TEST(params_arguments, the_users_config_file_comes_first) {
    const std::filesystem::path home = std::filesystem::path(testing::TempDir()) / "config_home";
    std::filesystem::create_directories(home / "llama.cpp");
    const auto write = [&](const std::string & text) { std::ofstream(home / "llama.cpp" / "config.ini") << text; };
    ASSERT_EQ(setenv("XDG_CONFIG_HOME", home.string().c_str(), 1), 0);

    write("ctx-size = 100\nno-warmup = true\nunknown-to-a-server = 1\n");
    const std::vector<std::string> words = {"--temp", "0.25"};
    EXPECT_TRUE(parsed_by_us(words) == parsed_by_llama_cpp(words));
    params p;
    p.parse_arguments({"--warmup"});
    EXPECT_EQ(p.get("n_ctx"), "100");
    EXPECT_EQ(p.get("warmup"), "true");

    write("list-devices = 1\n");
    EXPECT_TRUE(has(parse_refusal({}), "config.ini: --list-devices: prints something and ends the process"));
    write("[unclosed\n");
    EXPECT_TRUE(has(parse_refusal({}), "config.ini"));
    write("ctx-size = many\n");
    EXPECT_TRUE(has(parse_refusal({}), "config.ini: --ctx-size many: expected a number"));
    unsetenv("XDG_CONFIG_HOME");
    std::filesystem::remove_all(home);
}

TEST(params_arguments, keeps_what_was_set_before) {
    params p;
    p.set("n_gpu_layers", "5");
    p.set("n_parallel", "2");
    p.set("antiprompt", R"(["a\\nb"])");
    p.parse_arguments({"-c", "10"});
    EXPECT_EQ(p.get("n_gpu_layers"), "5") << "llama.cpp's parser asserts that it is not set";
    EXPECT_EQ(p.get("n_parallel"), "2");
    EXPECT_EQ(p.get("antiprompt"), R"(["a\\nb"])") << "only a command line has escapes";
}

TEST(params_arguments, breakers_replace_the_defaults_every_time) {
    for (int i = 0; i < 2; ++i) {
        params p;
        p.parse_arguments({"--dry-sequence-breaker", "x", "--dry-sequence-breaker", "y"});
        EXPECT_EQ(p.get("sampling.dry_sequence_breakers"), R"(["x","y"])");
    }
}

TEST(params_arguments, refuses_with_a_reason) {
    EXPECT_TRUE(has(parse_refusal({"--ctx-sise", "1"}), "did you mean --ctx-size?"));
    EXPECT_TRUE(has(parse_refusal({"-c"}), "a value is missing"));
    EXPECT_TRUE(has(parse_refusal({"-c", "12k"}), "-c 12k: expected a whole number"));
    EXPECT_TRUE(has(parse_refusal({"--temp", "hot"}), "--temp hot: expected a number"));
    EXPECT_TRUE(has(parse_refusal({"--rope-scaling", "x"}), "--rope-scaling x: "));
    EXPECT_TRUE(has(parse_refusal({"--draft", "4"}), "--spec-draft-n-max"))
        << "llama.cpp's own hint for a flag that is gone";
    EXPECT_TRUE(has(parse_refusal({"model.gguf"}), "no such flag"));
}

TEST(params_arguments, refuses_what_would_end_the_process) {
    for (const char * flag : {"-h", "--help", "--usage", "--version", "-cl", "--cache-list", "--list-devices",
                              "--completion-bash", "--cache_list"}) {
        EXPECT_TRUE(has(parse_refusal({flag}), "ends the process")) << flag;
    }
    params p;
    p.parse_arguments({"--alias", "--version"});
    EXPECT_EQ(p.get("model_alias"), R"(["--version"])") << "a value is not a flag";
}

TEST(params_arguments, usage_names_every_flag) {
    const std::string usage = params::usage();
    common_params     defaults;
    for (const common_arg & option : common_params_parser_init(defaults, LLAMA_EXAMPLE_SERVER).options) {
        const std::string           name    = option.args.back();
        const std::set<std::string> refused = {"--usage", "--version", "--cache-list", "--list-devices",
                                               "--completion-bash"};
        EXPECT_EQ(has(usage, option.to_string()), refused.count(name) == 0) << name;
    }
    for (const char * heading : {"Common\n", "Sampling\n", "Speculative decoding\n", "Server\n"}) {
        EXPECT_TRUE(has(usage, heading)) << heading;
    }
}

TEST(params_prepare, changes_nothing_the_second_time) {
    params p;
    p.parse_arguments(
        {"--override-kv", "a=int:1", "-np", "-1", "--embedding", "--n-cpu-moe", "2", "--spec-draft-n-cpu-moe", "1"});
    common_params & value = p.get_native().value;
    prepare(value);
    const std::string once  = p.get("");
    const auto        sizes = [&] {
        return std::vector<size_t>{value.kv_overrides.size(), value.tensor_buft_overrides.size(),
                                   value.speculative.draft.tensor_buft_overrides.size()};
    };
    const std::vector<size_t> lengths = sizes();
    prepare(value);
    EXPECT_TRUE(p.get("") == once);
    EXPECT_EQ(sizes(), lengths);
    EXPECT_EQ(value.kv_overrides.back().key[0], 0);
    EXPECT_EQ(value.tensor_buft_overrides.back().pattern, nullptr);
    EXPECT_EQ(value.speculative.draft.tensor_buft_overrides.back().pattern, nullptr);
}

TEST(params_prepare, completes_what_was_left_open) {
    std::string directory = testing::TempDir();
    directory.pop_back();
    params p;
    p.set("n_parallel", "-1");
    p.set("embedding", "true");
    p.set("model.path", R"("m.gguf")");
    p.set("media_path", json(directory).dump());
    p.set("enable_reasoning", "0");
    p.set("server_tools", R"(["all"])");
    p.set("cpuparams.n_threads", "1");
    p.set("sampling.penalty_last_n", "100");
    prepare(p.get_native().value);
    EXPECT_EQ(p.get("n_parallel"), "4");
    EXPECT_EQ(p.get("kv_unified"), "true");
    EXPECT_EQ(p.get("n_batch"), p.get("n_ubatch"));
    EXPECT_EQ(p.get("model_alias"), R"(["m.gguf"])");
    EXPECT_EQ(json::parse(p.get("media_path")), directory + DIRECTORY_SEPARATOR);
    EXPECT_EQ(p.get("default_template_kwargs"), R"({"enable_thinking":"false","preserve_reasoning":"true"})");
    EXPECT_EQ(p.get("cors_origins"), R"("localhost")");
    EXPECT_EQ(p.get("cpuparams_batch.n_threads"), "1");
    EXPECT_EQ(p.get("sampling.n_prev"), "100") << "penalties see only what is remembered";
}

TEST(params_prepare, takes_no_more_threads_than_the_process_may_use_cpus) {
    std::string found;
    // On a thread of its own: the affinity is the thread's.
    std::thread([&] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
        params p;
        p.set("cpuparams.n_threads", "3");
        prepare(p.get_native().value);
        found = p.get("cpuparams.n_threads") + p.get("cpuparams_batch.n_threads") +
                p.get("speculative.draft.cpuparams.n_threads");
    }).join();
    EXPECT_EQ(found, "111");
}

TEST(params_prepare, leaves_chosen_origins_alone) {
    params p;
    p.set("server_tools", R"(["all"])");
    p.set("cors_origins", R"("https://example.org")");
    prepare(p.get_native().value);
    EXPECT_EQ(p.get("cors_origins"), R"("https://example.org")");
}

TEST(params_prepare, refuses_what_llama_cpp_would_abort_on) {
    params p;
    p.set("media_path", R"("/no/such/directory")");
    EXPECT_TRUE(
        has(refusal_of([&] { prepare(p.get_native().value); }), "media_path: '/no/such/directory' is not a directory"));
    params q;
    q.set("chat_template", R"("{{ unclosed")");
    EXPECT_TRUE(has(refusal_of([&] { prepare(q.get_native().value); }), "chat_template"));
}
