// What happens to parameters between setting and loading.
#include "params/native.h"
#include "params_refusals.h"

#include <thread>
#include <vector>

#include <sched.h>

using xllamacpp::prepare;

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
                p.get("speculative.draft.cpuparams.n_threads") + ", for HTTP " + p.get("n_threads_http");
    }).join();
    EXPECT_EQ(found, "111, for HTTP 5") << "one for each slot and four more, for health and the like";
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
