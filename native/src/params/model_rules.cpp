#include "params/model_rules.h"

#include "model/metadata.h"
#include "xllamacpp/log.h"
#include "xllamacpp/params.h"

#include "llama-cpp.h"
#include "speculative.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>

namespace xllamacpp {

namespace {

int64_t whole(const model_metadata & model, const std::string & key, int64_t otherwise = 0) {
    return static_cast<int64_t>(model.number(key).value_or(static_cast<double>(otherwise)));
}

std::string quote(const std::string & text) { return "'" + text + "'"; }

bool is_causal(const common_params & p, const model_metadata & model) {
    return p.attention_type == LLAMA_ATTENTION_TYPE_UNSPECIFIED ? model.number(".attention.causal").value_or(1) != 0
                                                                : p.attention_type == LLAMA_ATTENTION_TYPE_CAUSAL;
}

void check_experts(const common_params & p, const model_metadata & model) {
    const int64_t used = whole(model, ".expert_used_count");
    const int64_t all  = whole(model, ".expert_count");
    if (used < 0 || used > all || (all > 0 && used == 0)) {
        throw parameter_error("kv_overrides: " + std::to_string(used) + " experts cannot be used of the " +
                              std::to_string(all) + " that " + quote(p.model.path) + " has; set expert_used_count to " +
                              (all > 0 ? "1 to " + std::to_string(all) : "nothing: the model has no experts"));
    }
}

void check_context(const common_params & p, const model_metadata & model) {
    const int64_t trained = whole(model, ".context_length");
    if (model.number(".context_length") && trained < 1) {
        throw parameter_error("model.path: " + quote(p.model.path) + " says that it was trained with a context of " +
                              std::to_string(trained) + " tokens; put it right with kv_overrides");
    }
    const bool is_yarn =
        p.rope_scaling_type == LLAMA_ROPE_SCALING_TYPE_YARN ||
        (p.rope_scaling_type == LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED && model.text(".rope.scaling.type") == "yarn");
    if (trained > 0 && is_yarn && p.rope_freq_scale != 0) {
        const int64_t original =
            p.yarn_orig_ctx > 0 ? p.yarn_orig_ctx : whole(model, ".rope.scaling.original_context_length", trained);
        const double context = static_cast<double>(original) / p.rope_freq_scale;
        if (!(context >= 64 && context <= INT_MAX)) {
            throw parameter_error(
                "rope_freq_scale=" + std::to_string(p.rope_freq_scale) + ": YaRN makes a context of " +
                std::to_string(original) +
                " / rope_freq_scale tokens, which has to be at least 64 and no more than 2147483647; set it to the "
                "trained context over the one you want, such as 0.25, or yarn_orig_ctx");
        }
        return;
    }
    const int64_t slots = p.kv_unified ? 1 : std::max(p.n_parallel, 1);
    if (trained > 0 && p.n_ctx > slots * trained) {
        log_write(log_level_warn, "n_ctx is " + std::to_string(p.n_ctx) + ", but the model was trained with " +
                                      std::to_string(trained) +
                                      " tokens and takes no more for a request: the memory for the rest is of no use");
    }
}

void check_embedding(const common_params & p, const model_metadata & model) {
    if (!is_causal(p, model) && !p.embedding && p.attention_type == LLAMA_ATTENTION_TYPE_UNSPECIFIED) {
        throw parameter_error("model.path: " + quote(p.model.path) + " is a model for embeddings (" +
                              model.architecture() + "), which generates no text; set embedding to True");
    }
    const bool has_head = model.has_tensor("cls.weight") || model.has_tensor("cls.output.weight") ||
                          model.text("tokenizer.chat_template.rerank").has_value();
    // Of a model in several files the first one does not name all tensors.
    if (p.pooling_type == LLAMA_POOLING_TYPE_RANK && !has_head && whole(model, "split.count") < 2) {
        throw parameter_error("pooling_type: " + quote(p.model.path) +
                              " has no head that ranks, so its scores would mean nothing; take a model that was made "
                              "for reranking, or another pooling type for embeddings");
    }
}

/// llama.cpp reserves memory for a batch that is rounded up to a multiple of the slots, but for no more outputs than
/// n_ubatch: with MEAN pooling it aborts where that is no multiple itself (llama_context::graph_reserve).
void round_batches(common_params & p, const model_metadata & model) {
    if (!p.embedding) {
        return;
    }
    const int64_t slots   = std::max(p.n_parallel, 1);
    const int64_t context = p.n_ctx > 0 ? p.n_ctx : whole(model, ".context_length", INT_MAX);
    // Slots that share nothing have a context each, in steps of 256. What sees no later tokens is bound by n_ctx
    // itself.
    const bool    is_bound = is_causal(p, model) || p.kv_unified || context > INT_MAX / 2;
    const int64_t bound    = is_bound ? context : slots * GGML_PAD(context / slots, 256);
    const int64_t size     = std::min<int64_t>({p.n_batch, p.n_ubatch, bound});
    const int64_t above    = (size + slots - 1) / slots * slots;
    const int64_t rounded  = above <= bound ? above : size / slots * slots;
    p.n_ubatch             = static_cast<int32_t>(std::max(rounded, slots));
    p.n_batch              = p.n_ubatch;
}

/// llama.cpp looks at this only where flash attention is not off; without it the cache's rows are read askew.
void check_cache(const model_metadata & model, const char * field, ggml_type type, const char * head_key) {
    const int64_t heads = std::max<int64_t>(whole(model, ".attention.head_count", 1), 1);
    const int64_t head  = whole(model, head_key, whole(model, ".embedding_length") / heads);
    const int64_t block = ggml_blck_size(type);
    if (ggml_is_quantized(type) && head > 0 && head % block != 0) {
        throw parameter_error(std::string(field) + "=" + ggml_type_name(type) + ": its blocks of " +
                              std::to_string(block) + " do not divide the model's heads of " + std::to_string(head) +
                              "; set GGML_TYPE_F16");
    }
}

void check_backend_sampling(common_params & p, const model_metadata & model) {
    const size_t vocabulary = model.length("tokenizer.ggml.tokens");
    if (!p.sampling.backend_sampling || vocabulary == 0) {
        return;
    }
    // More than all of them is all of them, but the device's own sort does not know that.
    p.sampling.top_k = std::min<int32_t>(p.sampling.top_k, static_cast<int32_t>(vocabulary));
    for (const llama_logit_bias & bias : p.sampling.logit_bias) {
        if (bias.token >= static_cast<int64_t>(vocabulary)) {
            throw parameter_error("sampling.logit_bias: there is no token " + std::to_string(bias.token) +
                                  "; the model has " + std::to_string(vocabulary) + " tokens");
        }
    }
}

void check_adapter(const std::string & path, size_t index, const model_metadata & model) {
    const model_metadata adapter(path);
    const std::string    field = "lora_adapters." + std::to_string(index) + ".path: " + quote(path);
    if (!adapter.is_readable() || adapter.text("general.type").value_or("") != "adapter") {
        throw parameter_error(field + " is no adapter; it has to be a GGUF file that was made of a LoRA");
    }
    if (model.is_readable() && adapter.architecture() != model.architecture()) {
        throw parameter_error(field + " was made for " + adapter.architecture() + ", and the model is " +
                              model.architecture());
    }
}

void check_control_vector(const std::string & path, size_t index, const model_metadata & model) {
    const model_metadata vector(path);
    const std::string    field    = "control_vectors." + std::to_string(index) + ".fname: " + quote(path);
    const int64_t        layers   = whole(model, ".block_count");
    const int64_t        width    = whole(model, ".embedding_length");
    const auto           names    = vector.tensors();
    const auto           of_layer = [](const std::string & name) {
        const std::string prefix = "direction.";
        int64_t           layer  = 0;
        if (name.rfind(prefix, 0) == 0) {
            std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
        }
        return layer;
    };
    // llama.cpp passes a vector by that it cannot use, and with it the adapters and the warmup.
    const bool is_usable = !names.empty() && std::all_of(names.begin(), names.end(), [&](const std::string & name) {
        return of_layer(name) >= 1 && (layers == 0 || of_layer(name) < layers) &&
               (width == 0 || vector.row_length(name) == width);
    });
    if (!is_usable) {
        throw parameter_error(
            field +
            " is no control vector for this model: it has to be a GGUF file with tensors direction.1 to direction." +
            std::to_string(layers - 1) + " of " + std::to_string(width) + " numbers");
    }
}

void check_projector(const common_params & p) {
    if (!p.mmproj.path.empty() && model_metadata(p.mmproj.path).architecture() != "clip") {
        throw parameter_error("mmproj.path: " + quote(p.mmproj.path) +
                              " is no projector; it has to be the GGUF file that belongs to the model (mmproj-*.gguf)");
    }
}

llama_model_ptr load_vocabulary(const std::string & path) {
    llama_model_params settings = llama_model_default_params();
    settings.vocab_only         = true;
    return llama_model_ptr(llama_model_load_from_file(path.c_str(), settings));
}

/// Where the two differ, in the way that matters for drafting; "" where they do not.
///
/// llama.cpp compares the same (common_speculative_are_compatible in common/speculative.cpp), and goes on without
/// drafting where they differ.
std::string difference(const llama_vocab * draft, const llama_vocab * model) {
    const auto differ = [](const char * what, int64_t ours, int64_t theirs) {
        return std::string(what) + " is " + std::to_string(ours) + " there and " + std::to_string(theirs) +
               " in the model";
    };
    // Where none is added it does not matter which one would be.
    const auto added = [](bool is_added, llama_token token) { return is_added ? token : LLAMA_TOKEN_NULL; };
    if (llama_vocab_type(draft) != llama_vocab_type(model)) {
        return differ("the tokenizer's type", llama_vocab_type(draft), llama_vocab_type(model));
    }
    const llama_token bos_draft = added(llama_vocab_get_add_bos(draft), llama_vocab_bos(draft));
    const llama_token bos_model = added(llama_vocab_get_add_bos(model), llama_vocab_bos(model));
    if (bos_draft != bos_model) {
        return differ("the token that is put before a text (-1 is none)", bos_draft, bos_model);
    }
    const llama_token eos_draft = added(llama_vocab_get_add_eos(draft), llama_vocab_eos(draft));
    const llama_token eos_model = added(llama_vocab_get_add_eos(model), llama_vocab_eos(model));
    if (eos_draft != eos_model) {
        return differ("the token that is put behind a text (-1 is none)", eos_draft, eos_model);
    }
    const int32_t n_draft        = llama_vocab_n_tokens(draft);
    const int32_t n_model        = llama_vocab_n_tokens(model);
    constexpr int most_different = 128;
    if (std::abs(n_draft - n_model) > most_different) {
        return differ("the number of tokens", n_draft, n_model);
    }
    constexpr int32_t first_that_counts = 5;
    for (int32_t i = first_that_counts; i < std::min(n_draft, n_model); ++i) {
        const std::string ours   = llama_vocab_get_text(draft, i);
        const std::string theirs = llama_vocab_get_text(model, i);
        if (ours != theirs) {
            return "token " + std::to_string(i) + " is " + quote(ours) + " there and " + quote(theirs) +
                   " in the model";
        }
    }
    return "";
}

void check_draft_vocabulary(const common_params & p, const std::string & field) {
    const llama_model_ptr draft = load_vocabulary(p.speculative.draft.mparams.path);
    const llama_model_ptr model = load_vocabulary(p.model.path);
    if (!draft || !model) {
        return;  // What is wrong with a file, llama.cpp says when it loads it.
    }
    const std::string found = difference(llama_model_get_vocab(draft.get()), llama_model_get_vocab(model.get()));
    if (!found.empty()) {
        throw parameter_error(field + " has another vocabulary: " + found +
                              "; take a draft model of the same family as the model");
    }
}

struct draft_kind {
    const char *            architecture;
    common_speculative_type type;
};

// Parts of a model that were trained to draft for it have architectures of their own.
const draft_kind draft_kinds[] = {
    {"eagle3", COMMON_SPECULATIVE_TYPE_DRAFT_EAGLE3},
    {"dflash", COMMON_SPECULATIVE_TYPE_DRAFT_DFLASH},
    {"dflash", COMMON_SPECULATIVE_TYPE_DRAFT_DSPARK},
};

/// A draft model alone is enough: how it drafts follows from what it is. llama.cpp has found the models that predict
/// several tokens and the DFlash ones by now (common_speculative_types_from_gguf).
void resolve_draft_types(std::vector<common_speculative_type> & types, const model_metadata & draft) {
    if (std::all_of(types.begin(), types.end(), [](auto type) { return type == COMMON_SPECULATIVE_TYPE_NONE; })) {
        types = {draft.architecture() == "eagle3" ? COMMON_SPECULATIVE_TYPE_DRAFT_EAGLE3
                                                  : COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE};
    }
}

void check_draft(common_params & p, const model_metadata & model) {
    if (!p.speculative.has_dft()) {
        const auto & types = p.speculative.types;
        if (std::count(types.begin(), types.end(), COMMON_SPECULATIVE_TYPE_DRAFT_MTP) > 0 && model.is_readable() &&
            whole(model, ".nextn_predict_layers") < 1) {
            throw parameter_error(
                "speculative.types: " + quote(p.model.path) +
                " has no layers that predict several tokens, which DRAFT_MTP needs; set another type");
        }
        return;
    }
    const std::string &                    path  = p.speculative.draft.mparams.path;
    const std::string                      field = "speculative.draft.mparams.path: " + quote(path);
    const model_metadata                   draft(path);
    std::vector<common_speculative_type> & types = p.speculative.types;
    resolve_draft_types(types, draft);
    for (const draft_kind & kind : draft_kinds) {
        const bool is_wanted = std::count(types.begin(), types.end(), kind.type) > 0;
        if (is_wanted && draft.architecture() != kind.architecture) {
            throw parameter_error(field + " is " + quote(draft.architecture()) + ", and this way to draft (" +
                                  common_speculative_type_to_str(kind.type) + ") needs a model of the architecture " +
                                  quote(kind.architecture) + "; set speculative.types to DRAFT_SIMPLE");
        }
    }
    if (std::count(types.begin(), types.end(), COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE) > 0) {
        check_draft_vocabulary(p, field);
    }
}

}  // namespace

void check_model(common_params & p) {
    const model_metadata model(p.model.path, p.kv_overrides);
    if (model.is_readable()) {
        check_experts(p, model);
        check_context(p, model);
        check_embedding(p, model);
        round_batches(p, model);
        check_cache(model, "cache_type_k", p.cache_type_k, ".attention.key_length");
        check_cache(model, "cache_type_v", p.cache_type_v, ".attention.value_length");
        check_backend_sampling(p, model);
    }
    for (size_t i = 0; i < p.lora_adapters.size(); ++i) {
        check_adapter(p.lora_adapters[i].path, i, model);
    }
    for (size_t i = 0; i < p.control_vectors.size(); ++i) {
        check_control_vector(p.control_vectors[i].fname, i, model);
    }
    check_projector(p);
    check_draft(p, model);
}

}  // namespace xllamacpp
