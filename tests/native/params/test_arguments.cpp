// Parameters from a command line, an environment and config files, held against llama.cpp's own parser; and back.
#include "params/native.h"
#include "params_refusals.h"

#include "arg.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

using xllamacpp::prepare;

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
    "70",   "3",     "1",       "0.5", "on",  "none",          "layer", "f16",      "yarn",    "mmap",
    "last", "top_k", "isolate", "5+1", "0-3", "{\"a\":\"1\"}", ".",     "deepseek", "a=int:1", "ngram-simple"};

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
            params().parse_arguments({name, value});
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
