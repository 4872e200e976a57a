// What happens to parameters between setting and loading. llama.cpp's command line and server do the same in several
// places; a server that was set up from a program needs it just as much.
#include "params/native.h"
#include "params/files.h"
#include "requests/adapters.h"
#include "xllamacpp/cpus.h"
#include "xllamacpp/log.h"

#include "chat.h"
#include "llama.h"

#include <algorithm>
#include <stdexcept>

namespace xllamacpp {

namespace {

/// ggml's threads wait for each other in a loop, many times for each token: one thread more than there are CPUs makes
/// every such wait as long as the scheduler's time slice, and one more than the quota has CPUs, as long as its period.
void resolve_threads(common_params & p) {
    const int allowed = allowed_cpus();
    const int cpus    = usable_cpus();
    if (cpus < allowed) {
        log_write(log_level_info, "threads: " + std::to_string(cpus) +
                                      " at most, the CPU quota of this container or control group (CPUs: " +
                                      std::to_string(allowed) + ")");
    }
    const auto resolve = [cpus](common_cpu_params & cpu, const common_cpu_params * model) {
        const bool is_chosen = cpu.n_threads > 0;
        if (cpu.n_threads == 0) {
            cpu.n_threads = cpus;
        }
        postprocess_cpu_params(cpu, model);
        if (cpu.n_threads > cpus) {
            if (is_chosen) {
                log_write(log_level_warn, "n_threads is " + std::to_string(cpu.n_threads) +
                                              ", but this process may use " + std::to_string(cpus) +
                                              " CPUs only, and is much faster with no more threads: using " +
                                              std::to_string(cpus));
            }
            cpu.n_threads = cpus;
        }
    };
    resolve(p.cpuparams, nullptr);
    resolve(p.cpuparams_batch, &p.cpuparams);
    resolve(p.speculative.draft.cpuparams, &p.cpuparams);
    resolve(p.speculative.draft.cpuparams_batch, &p.cpuparams_batch);
    if (p.n_threads_http < 1) {
        // llama.cpp counts the machine's CPUs, and a container has a limit on its threads as well.
        p.n_threads_http = std::max(p.n_parallel + 4, cpus - 1);
    }
}

void resolve_slots(common_params & p) {
    if (p.n_parallel < 0) {
        p.n_parallel = 4;
        p.kv_unified = true;
    }
    // -1 is what the command line makes of an explicit context of 0: then it shall be as large as the model allows.
    if (p.kv_unified_per_slot > 0 && p.n_ctx == 0 && p.fit_params_min_ctx != -1) {
        p.n_ctx = p.n_parallel * p.kv_unified_per_slot;
    }
    if (p.embedding || p.attention_type == LLAMA_ATTENTION_TYPE_NON_CAUSAL) {
        // What sees its whole text at once cannot be computed in parts; llama.cpp aborts on a batch that would be.
        p.n_batch = std::min(p.n_batch, p.n_ubatch);
    }
    p.sampling.n_prev = std::max(p.sampling.n_prev, p.sampling.penalty_last_n);
}

void terminate_lists(common_params & p) {
    if (!p.kv_overrides.empty() && p.kv_overrides.back().key[0] != 0) {
        p.kv_overrides.emplace_back();
        p.kv_overrides.back().key[0] = 0;
    }
    // Fitting to the devices' memory writes its own entries into the rest.
    const size_t room = llama_max_tensor_buft_overrides();
    if (p.tensor_buft_overrides.size() < room) {
        p.tensor_buft_overrides.resize(room, {nullptr, nullptr});
    } else if (p.tensor_buft_overrides.back().pattern != nullptr) {
        p.tensor_buft_overrides.push_back({nullptr, nullptr});
    }
    auto & draft = p.speculative.draft.tensor_buft_overrides;
    if (!draft.empty() && draft.back().pattern != nullptr) {
        draft.push_back({nullptr, nullptr});
    }
}

/// llama.cpp puts file names straight behind these, and aborts where there is no separator.
void complete_directory(std::string & path, const char * field) {
    if (path.empty()) {
        return;
    }
    check_directory(path, field);
    if (path.back() != DIRECTORY_SEPARATOR) {
        path += DIRECTORY_SEPARATOR;
    }
}

void resolve_chat(common_params & p) {
    if (!p.chat_template.empty() && !common_chat_verify_template(p.chat_template, p.use_jinja)) {
        throw parameter_error(
            p.use_jinja
                ? "chat_template: not a template that llama.cpp can run; its log says why"
                : "chat_template: without use_jinja, only the templates that llama.cpp knows by themselves work");
    }
    if (p.enable_reasoning >= 0) {
        p.default_template_kwargs.emplace("enable_thinking", p.enable_reasoning != 0 ? "true" : "false");
    }
    p.default_template_kwargs.emplace("preserve_reasoning", "true");
}

/// Tools act on this machine. No page that a browser happens to show may reach them, unless that was asked for.
void close_origins(common_params & p) {
    const bool acts_on_machine =
        !p.server_tools.empty() || !p.mcp_servers_config.empty() || !p.mcp_servers_json.empty();
    if (acts_on_machine && !p.cors_origins_explicit && p.cors_origins == common_params().cors_origins) {
        p.cors_origins = "localhost";
    }
}

}  // namespace

void prepare(common_params & value) {
    resolve_slots(value);
    resolve_threads(value);
    terminate_lists(value);
    complete_directory(value.media_path, "media_path");
    complete_directory(value.slot_save_path, "slot_save_path");
    resolve_chat(value);
    prepare_adapters(value);
    close_origins(value);
    if (value.mmproj_use_gpu && value.mmproj_device == nullptr && !value.devices.empty()) {
        // "none" is a list of one null device.
        value.mmproj_device  = value.devices.front();
        value.mmproj_use_gpu = value.mmproj_device != nullptr;
    }
    if (value.model_alias.empty() && !value.model.empty()) {
        value.model_alias.insert(value.model.get_name());
    }
}

}  // namespace xllamacpp
