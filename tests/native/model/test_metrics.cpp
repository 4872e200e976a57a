#include "model/metrics.h"

#include "server-task.h"

#include <gtest/gtest.h>

using namespace xllamacpp;

namespace {

server_metrics counted(int64_t t_start, uint64_t n) {
    server_metrics m;
    m.t_start = t_start;
    m.add_prompt(10 * n, 100 * n);
    m.add_prompt_cached(n);
    m.predict.add(n, n, n);
    m.predict_bucket.add(n, n, n);
    m.n_tokens_max        = 7 * n;
    m.n_decode            = 2 * n;
    m.n_busy_slots        = 3 * n;
    m.n_draft_tokens      = 4 * n;
    m.n_draft_accepted    = 5 * n;
    m.n_draft_verif_steps = 6 * n;
    m.n_accepted_per_pos  = std::vector<uint64_t>(n, n);
    return m;
}

std::string rendered(const server_metrics & metrics) {
    server_task_result_metrics result;
    result.metrics = metrics;
    return result.to_metrics();
}

TEST(AddMetrics, AddsWhatIsCountedAndKeepsTheLargest) {
    server_metrics total = counted(0, 1);
    add_metrics(total, counted(0, 2));
    server_metrics wanted     = counted(0, 3);
    wanted.n_tokens_max       = 14;
    wanted.n_accepted_per_pos = {3, 2};
    EXPECT_EQ(rendered(total), rendered(wanted));
}

TEST(AddMetrics, ChangesNothingByWhatHasCountedNothing) {
    server_metrics total = counted(5, 3);
    add_metrics(total, server_metrics());
    EXPECT_EQ(rendered(total), rendered(counted(5, 3)));
    EXPECT_EQ(total.t_start, 5);
}

TEST(AddMetrics, BeginsWithTheFirstTime) {
    server_metrics first = counted(5, 1);
    add_metrics(first, counted(9, 1));
    EXPECT_EQ(first.t_start, 5);
    server_metrics later = counted(9, 1);
    add_metrics(later, counted(5, 1));
    EXPECT_EQ(later.t_start, 5);
}

}  // namespace
