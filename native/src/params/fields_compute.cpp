// How the model runs: its context, its batches, its threads and its devices.
#include "params/fields.h"

#include "llama.h"

namespace xllamacpp {

template <> const structure_type & structure_of<common_cpu_params>() {
    using self            = common_cpu_params;
    static const auto all = make_structure<self>("common_cpu_params", [](structure<self> & s) {
        s.row(FIELD(n_threads),
              "How many threads compute. -1 takes a good number for this machine, or the one that these threads "
              "follow; 0 takes every logical CPU.",
              {unit("threads"), between(-1, GGML_MAX_N_THREADS), example("4")});
        s.row(FIELD(cpumask), "The CPUs that the threads may use, by number. Counts only where `mask_valid` is set.");
        s.row(FIELD(mask_valid), "Whether `cpumask` counts. Where it does not, the threads may use every CPU.");
        s.row(FIELD(priority), "How the operating system ranks the threads against others.");
        s.row(FIELD(strict_cpu), "Ties each thread to one CPU of the mask instead of to all of them.");
        s.row(FIELD(poll),
              "How long a thread that waits for work spins before it sleeps. 0 sleeps at once, 100 spins most.",
              {unit("percent"), between(0, 100), example("0")});
    });
    return all;
}

template <> llama_model_tensor_buft_override default_of<llama_model_tensor_buft_override>() {
    // Not a null pattern, which would end the list.
    return {".*", ggml_backend_cpu_buffer_type()};
}

template <> const structure_type & structure_of<llama_model_tensor_buft_override>() {
    using self            = llama_model_tensor_buft_override;
    static const auto all = make_structure<self>("llama_model_tensor_buft_override", [](structure<self> & s) {
        s.row(FIELD(pattern), "A regular expression for the tensors' names.", {example(R"("ffn_.*_exps")")});
        s.row(FIELD(buft), "The memory they go to: `CPU`, or a device's name.");
        s.from_text = [](self & o, const std::string & text, const std::string & path) {
            const size_t separator = text.rfind('=');
            if (separator == std::string::npos) {
                refuse(path, text, "PATTERN=MEMORY, such as \"ffn_.*=CPU\"");
            }
            type_of<const char *>().write(static_cast<void *>(&o.pattern), text.substr(0, separator),
                                          path + ".pattern");
            type_of<ggml_backend_buffer_type_t>().write(static_cast<void *>(&o.buft), text.substr(separator + 1),
                                                        path + ".buft");
        };
    });
    return all;
}

std::vector<int64_t> cache_types() {
    return {GGML_TYPE_F32,  GGML_TYPE_F16,    GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0,
            GGML_TYPE_Q4_1, GGML_TYPE_IQ4_NL, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1};
}

// llama.cpp rounds up to a multiple of 256, which must not overflow.
constexpr double largest_context = 1024.0 * 1024 * 1024;

void describe_context(structure<common_params> & s) {
    using self = common_params;
    s.group("Context and batches");
    s.row(FIELD(n_ctx), "Size of the context, which the slots share. 0 takes what the model was trained with.",
          {unit("tokens"), flag("--ctx-size"), between(0, largest_context), example("8192")});
    s.row(FIELD(n_predict), "How much one answer may grow where a request sets no limit. -1 is without a limit.",
          {unit("tokens"), flag("--predict"), at_least(-1), example("512")});
    s.row(FIELD(n_batch), "How much of all prompts is handed to the model in one step, at most.",
          {unit("tokens"), flag("--batch-size"), at_least(2), example("1024")});
    s.row(FIELD(n_ubatch),
          "How much of a batch is computed at once. More is faster up to a point and needs more memory.",
          {unit("tokens"), flag("--ubatch-size"), at_least(1), example("256")});
    s.row(FIELD(n_keep), "How much of a prompt's beginning stays when the context is shifted. -1 keeps all of it.",
          {unit("tokens"), flag("--keep"), example("64")});
    s.row(FIELD(n_parallel),
          "How many requests are answered at a time: the number of slots. -1 is 4 with one shared cache.",
          {unit("slots"), flag("--parallel"), between(-1, static_cast<double>(llama_max_parallel_sequences())),
           not_zero(), example("8")});
    s.row(FIELD(cont_batching),
          "Lets a new request join the ones that are being answered, instead of waiting for them.",
          {flag("--cont-batching")});
    s.row(FIELD(ctx_shift), "Drops old tokens when the context is full, so that an answer can go on.",
          {flag("--context-shift")});
    s.row(FIELD(swa_full), "Keeps the whole context for layers that look at a sliding window only. Costs memory.",
          {flag("--swa-full")});
    s.row(FIELD(kv_unified), "Gives the slots one cache to share instead of a part of it each.",
          {flag("--kv-unified")});
    s.row(FIELD(kv_unified_per_slot),
          "The most of the context that one slot may use. 0 sets no limit; else a context of size 0 becomes as large "
          "as all slots need.",
          {unit("tokens"), flag("--kv-unified-per-slot"), between(0, largest_context), example("4096")});
    s.row(FIELD(n_outputs_max), "How many outputs a batch may have. 0 is as many as the batch has tokens.",
          {unit("outputs"), at_least(0), example("64")});
    s.row(FIELD(n_outputs_max_per_seq), "How many outputs of a batch may be one sequence's.",
          {unit("outputs"), at_least(0), example("2")});
    s.row(FIELD(cache_type_k),
          "How the keys of the cache are stored. Smaller types fit more context and are less exact.",
          {flag("--cache-type-k"), one_of(cache_types())});
    s.row(FIELD(cache_type_v), "How the values of the cache are stored. A quantized type needs flash attention.",
          {flag("--cache-type-v"), one_of(cache_types())});
    s.row(FIELD(flash_attn_type), "Whether attention is computed in one pass that saves memory.",
          {flag("--flash-attn")});
    s.row(FIELD(attention_type), "Whether a token sees what follows it. Unspecified lets the model say.");

    s.group("RoPE and YaRN");
    s.row(FIELD(rope_scaling_type),
          "How positions beyond the trained context are mapped. Unspecified lets the model say.",
          {flag("--rope-scaling")});
    s.row(FIELD(rope_freq_base), "The base frequency of the rotary position embedding. 0 lets the model say.",
          {flag("--rope-freq-base"), at_least(0), example("1000000.0")});
    s.row(FIELD(rope_freq_scale),
          "Scales the frequencies: 0.5 stretches the context to twice its length. 0 lets the model say.",
          {flag("--rope-freq-scale"), at_least(0), example("0.5")});
    s.row(FIELD(yarn_ext_factor), "YaRN's mix of extrapolation (1) and interpolation (0). Negative lets the model say.",
          {flag("--yarn-ext-factor"), example("1.0")});
    s.row(FIELD(yarn_attn_factor), "YaRN's factor for the attention's magnitude. Negative lets the model say.",
          {flag("--yarn-attn-factor"), example("1.0")});
    s.row(FIELD(yarn_beta_fast), "YaRN's bound for the dimensions that turn fast. Negative lets the model say.",
          {flag("--yarn-beta-fast"), example("32.0")});
    s.row(FIELD(yarn_beta_slow), "YaRN's bound for the dimensions that turn slowly. Negative lets the model say.",
          {flag("--yarn-beta-slow"), example("1.0")});
    s.row(FIELD(yarn_orig_ctx), "The context that the model was first trained with. 0 lets the model say.",
          {unit("tokens"), flag("--yarn-orig-ctx"), at_least(0), example("32768")});

    s.group("Threads");
    s.row(FIELD(cpuparams), "The threads that generate, one token after the other.", {flag("--threads")});
    s.row(FIELD(cpuparams_batch), "The threads that read prompts. They follow `cpuparams` where their number is -1.",
          {flag("--threads-batch")});
    s.row(FIELD(numa),
          "How memory and threads are placed on a machine with several NUMA nodes. Counts for the process.",
          {flag("--numa")});
}

void describe_offload(structure<common_params> & s) {
    using self = common_params;
    s.group("Offloading");
    s.row(FIELD(devices),
          "The devices that the model may be offloaded to. Empty takes all of them, `[\"none\"]` stays on the CPU.",
          {flag("--device"), example(R"(["none"])")});
    s.row(FIELD(n_gpu_layers), "How many layers go to the GPU. -1 is as many as fit, -2 is all.",
          {unit("layers"), flag("--gpu-layers"), example("20")});
    s.row(FIELD(main_gpu), "The GPU that does what is not split, by its place among the devices.",
          {flag("--main-gpu"), at_least(-1), example("1")});
    s.row(FIELD(split_mode), "How a model is shared out among several GPUs.", {flag("--split-mode")});
    s.row(FIELD(tensor_split),
          "How much of the model each GPU takes, in proportion: `[3, 1]`. All 0 goes by free memory.",
          {flag("--tensor-split"), example("[3, 1]")});
    s.row(FIELD(fit_params),
          "Lowers what was left open (layers on the GPU, context) until it fits the devices' memory.", {flag("--fit")});
    s.row(FIELD(fit_params_print), "Prints what memory a run would need. For llama.cpp's own program.");
    s.row(FIELD(fit_params_min_ctx), "How far `fit_params` may lower the context. -1 forbids to lower it.",
          {unit("tokens"), flag("--fit-ctx"), at_least(-1), example("8192")});
    s.row(FIELD(fit_params_target), "What `fit_params` leaves free on each device. There is one value per device.",
          {unit("bytes"), flag("--fit-target"), exactly(llama_max_devices()), example("[536870912]")});
    s.row(FIELD(no_kv_offload), "Keeps the cache in main memory.", {flag("--no-kv-offload")});
    s.row(FIELD(no_op_offload),
          "Computes on the CPU what lies in main memory, instead of copying it to a GPU for that.",
          {flag("--no-op-offload")});
    s.row(FIELD(no_extra_bufts), "Leaves weights in the file's layout instead of rearranging them for the CPU.",
          {flag("--no-repack")});
    s.row(FIELD(no_host), "Goes without memory that GPUs reach directly, so that rearranged weights can be used there.",
          {flag("--no-host")});
    s.row(FIELD(tensor_buft_overrides), "Which tensors go to which device's memory, whatever else was said.",
          {flag("--override-tensor"), text_list(',', [](const std::string & one) { return json(one); }),
           example(R"(["ffn_.*_exps=CPU"])")});
    s.omit("cb_eval", "a C function that llama.cpp would call for every tensor");
    s.omit("cb_eval_user_data", "belongs to cb_eval");
}

}  // namespace xllamacpp
