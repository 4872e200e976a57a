// A guard around llama.cpp's own grammar sampler (GBNF), which ends the process where it is given a token that ends the
// answer too early, and lets any token pass where its grammar leaves none.
//
// Either happens to a request whose grammar no token of the model fits, or whose logit_bias forbids those that do. It
// is part of llama-common: cmake/llama_cpp.cmake has common/sampling.cpp call these two in the place of llama.cpp's.
#include "llama.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

namespace {

struct guard {
    const llama_vocab *                                           vocab;
    std::unique_ptr<llama_sampler, decltype(&llama_sampler_free)> inner;
};

guard & guard_of(const llama_sampler * sampler) { return *static_cast<guard *>(sampler->ctx); }

bool is_forbidden(const llama_token_data & candidate) { return candidate.logit == -INFINITY; }

const char * name(const llama_sampler * sampler) { return llama_sampler_name(guard_of(sampler).inner.get()); }

void accept(llama_sampler * sampler, llama_token token) {
    const guard & g = guard_of(sampler);
    if (llama_vocab_is_eog(g.vocab, token)) {
        llama_token_data       candidate = {token, 1.0f, 0.0f};
        llama_token_data_array only      = {&candidate, 1, -1, false};
        llama_sampler_apply(g.inner.get(), &only);
        if (is_forbidden(candidate)) {
            throw std::runtime_error("grammar: the answer ended before the grammar did: a logit_bias, or the model's "
                                     "vocabulary, leaves nothing that the grammar allows");
        }
    }
    llama_sampler_accept(g.inner.get(), token);
}

void apply(llama_sampler * sampler, llama_token_data_array * candidates) {
    llama_sampler_apply(guard_of(sampler).inner.get(), candidates);
    // With one candidate it is only asked whether that one is allowed.
    const llama_token_data * begin = candidates->data;
    if (candidates->size > 1 && std::all_of(begin, begin + candidates->size, is_forbidden)) {
        throw std::runtime_error("grammar: no token of this model can go on from here");
    }
}

void reset(llama_sampler * sampler) { llama_sampler_reset(guard_of(sampler).inner.get()); }

llama_sampler * clone(const llama_sampler * sampler);

void release(llama_sampler * sampler) { delete static_cast<guard *>(sampler->ctx); }

llama_sampler_i guard_interface = {name,    accept,  apply,   reset,   clone,   release,
                                   nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

llama_sampler * guarded(const llama_vocab * vocab, llama_sampler * inner) {
    if (inner == nullptr) {
        return nullptr;
    }
    auto made = std::make_unique<guard>(guard{vocab, {inner, llama_sampler_free}});
    return llama_sampler_init(&guard_interface, made.release());
}

llama_sampler * clone(const llama_sampler * sampler) {
    const guard & g = guard_of(sampler);
    return guarded(g.vocab, llama_sampler_clone(g.inner.get()));
}

}  // namespace

extern "C" llama_sampler * xllamacpp_init_grammar(const llama_vocab * vocab, const char * grammar, const char * root) {
    return guarded(vocab, llama_sampler_init_grammar(vocab, grammar, root));
}

extern "C" llama_sampler * xllamacpp_init_grammar_lazy_patterns(const llama_vocab * vocab, const char * grammar,
                                                                const char * root, const char ** patterns,
                                                                size_t n_patterns, const llama_token * tokens,
                                                                size_t n_tokens) {
    return guarded(
        vocab, llama_sampler_init_grammar_lazy_patterns(vocab, grammar, root, patterns, n_patterns, tokens, n_tokens));
}
