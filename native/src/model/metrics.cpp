#include "model/metrics.h"

#include <algorithm>

namespace xllamacpp {

void add_metrics(server_metrics & total, const server_metrics & part) {
    // By position, so that a member that a new llama.cpp adds does not compile.
    const auto & [t_start, prompt_bucket, predict_bucket, prompt, predict, n_prompt_cached, n_tokens_max, n_decode,
                  n_busy_slots, n_draft_tokens, n_draft_accepted, n_draft_verif_steps, n_accepted_per_pos] = part;

    const auto add_bucket = [](server_metrics::bucket & sum, const server_metrics::bucket & b) {
        sum.add(b.count, b.steps, b.time);
    };
    if (total.t_start == 0 || (t_start != 0 && t_start < total.t_start)) {
        total.t_start = t_start;
    }
    add_bucket(total.prompt_bucket, prompt_bucket);
    add_bucket(total.predict_bucket, predict_bucket);
    add_bucket(total.prompt, prompt);
    add_bucket(total.predict, predict);
    total.n_prompt_cached += n_prompt_cached;
    total.n_tokens_max = std::max(total.n_tokens_max, n_tokens_max);
    total.n_decode += n_decode;
    total.n_busy_slots += n_busy_slots;
    total.n_draft_tokens += n_draft_tokens;
    total.n_draft_accepted += n_draft_accepted;
    total.n_draft_verif_steps += n_draft_verif_steps;
    if (total.n_accepted_per_pos.size() < n_accepted_per_pos.size()) {
        total.n_accepted_per_pos.resize(n_accepted_per_pos.size());
    }
    for (size_t i = 0; i < n_accepted_per_pos.size(); ++i) {
        total.n_accepted_per_pos[i] += n_accepted_per_pos[i];
    }
}

}  // namespace xllamacpp
