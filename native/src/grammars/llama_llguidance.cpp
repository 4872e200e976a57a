// LLGuidance as a sampler: the interface of llama.cpp's common/llguidance.cpp, implemented so that nothing goes on
// without its grammar.
//
// It is compiled into llama-common in the place of that file, which logs what LLGuidance refuses, then or in the middle
// of an answer, and goes on unconstrained. Here it is an exception, which llama.cpp's server makes an error of.
#include "llama_llguidance.h"

#include "../system/visibility.h"

#include "sampling.h"

#include "llguidance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// Its first lines say what and where; what follows is the state of the parser, or the stack of a panic.
[[noreturn]] void refuse(const char * text) {
    std::string reason = text != nullptr ? text : "no reason given";
    for (const char * rest : {"\n<state>", "\n<non-verbose/>", "\n<backtrace>"}) {
        reason.resize(std::min(reason.size(), reason.find(rest)));
    }
    constexpr size_t enough = 1000;
    if (reason.size() > enough) {
        reason.resize(enough);
        reason += "...";
    }
    throw std::runtime_error("grammar: " + reason);
}

using tokenizer_ptr = std::shared_ptr<LlgTokenizer>;

/// A vocabulary as LLGuidance wants it: the bytes of each token, 0xFF before the names of those that are no text.
struct token_table {
    std::string           bytes;
    std::vector<uint32_t> lengths;
    std::vector<uint32_t> ends;  ///< Each token that ends an answer.

    explicit token_table(const llama_vocab * vocab) {
        const int32_t count = llama_vocab_n_tokens(vocab);
        lengths.reserve(count);
        for (llama_token token = 0; token < count; ++token) {
            const size_t before = bytes.size();
            if (!append(vocab, token, false)) {
                bytes += '\xff';
                if (!append(vocab, token, true)) {
                    bytes.resize(before);
                }
            }
            lengths.push_back(static_cast<uint32_t>(bytes.size() - before));
            if (llama_vocab_is_eog(vocab, token)) {
                ends.push_back(static_cast<uint32_t>(token));
            }
        }
    }

  private:
    /// False where it is empty.
    bool append(const llama_vocab * vocab, llama_token token, bool special) {
        const size_t before = bytes.size();
        bytes.resize(before + 64);
        int32_t length = llama_token_to_piece(vocab, token, &bytes[before], 64, 0, special);
        if (length < 0) {
            bytes.resize(before - length);
            length = llama_token_to_piece(vocab, token, &bytes[before], -length, 0, special);
        }
        bytes.resize(before + std::max(length, 0));
        return length > 0;
    }
};

std::vector<llama_token> tokens_of(const llama_vocab * vocab, const std::string & text) {
    const auto               length = static_cast<int32_t>(text.size());
    std::vector<llama_token> tokens(text.size() + 8);
    int32_t                  count = 0;
    // Once more where there was no room.
    while ((count = llama_tokenize(vocab, text.c_str(), length, tokens.data(), static_cast<int32_t>(tokens.size()),
                                   false, false)) < 0) {
        tokens.resize(static_cast<size_t>(-count));
    }
    tokens.resize(static_cast<size_t>(count));
    return tokens;
}

/// The tokens of a text in the middle of another: some tokenizers put a blank before what a text begins with.
std::vector<llama_token> tokens_inside(const llama_vocab * vocab, const std::string & text) {
    static const std::string       before  = "\x02";  // nothing that a token goes on from
    const std::vector<llama_token> skipped = tokens_of(vocab, before);
    const std::vector<llama_token> tokens  = tokens_of(vocab, before + text);
    if (tokens.size() < skipped.size() || !std::equal(skipped.begin(), skipped.end(), tokens.begin())) {
        return tokens_of(vocab, text);
    }
    return {tokens.begin() + static_cast<std::ptrdiff_t>(skipped.size()), tokens.end()};
}

size_t tokenize(const void * vocab, const uint8_t * text, size_t length, uint32_t * tokens, size_t room) {
    try {
        const std::vector<llama_token> found =
            tokens_inside(static_cast<const llama_vocab *>(vocab), {reinterpret_cast<const char *>(text), length});
        std::copy_n(found.begin(), std::min(found.size(), room), tokens);
        return found.size();
    } catch (const std::exception &) {
        return 0;  // Rust could not let it pass.
    }
}

size_t fingerprint(const llama_vocab * vocab) {
    const int32_t count = llama_vocab_n_tokens(vocab);
    size_t        hash  = static_cast<size_t>(count);
    for (llama_token token = 0; token < count; ++token) {
        hash = hash * 31 + std::hash<std::string_view>()(llama_vocab_get_text(vocab, token));
    }
    return hash;
}

/// The tokenizers that were made, which takes a tenth of a second. A model that is gone may have left its address to
/// another one, so the tokens are compared too.
class tokenizer_cache {
  public:
    tokenizer_ptr get(const llama_vocab * vocab) {
        const size_t                      tokens = fingerprint(vocab);
        const std::lock_guard<std::mutex> lock(mutex_);
        auto found = std::find_if(entries_.begin(), entries_.end(), [&](const entry & e) { return e.vocab == vocab; });
        if (found == entries_.end()) {
            found = entries_.insert(found, entry{vocab, 0, nullptr});
        }
        if (found->tokenizer == nullptr || found->tokens != tokens) {
            *found = {vocab, tokens, make(vocab)};
        }
        return found->tokenizer;
    }

    void clear() {
        const std::lock_guard<std::mutex> lock(mutex_);
        entries_.clear();
    }

  private:
    struct entry {
        const llama_vocab * vocab;
        size_t              tokens;
        tokenizer_ptr       tokenizer;
    };

    static tokenizer_ptr make(const llama_vocab * vocab) {
        const token_table table(vocab);
        if (table.ends.empty()) {
            throw std::runtime_error("grammar: the model has no token that ends an answer");
        }
        LlgTokenizerInitV2 init      = {};
        init.struct_size             = sizeof(init);
        init.vocab_size              = static_cast<uint32_t>(table.lengths.size());
        init.tok_eos                 = table.ends.front();
        init.tok_eos_extra           = table.ends.data() + 1;
        init.tok_eos_extra_count     = static_cast<uint32_t>(table.ends.size() - 1);
        init.token_lens              = table.lengths.data();
        init.token_bytes             = reinterpret_cast<const uint8_t *>(table.bytes.data());
        init.tokenize_assumes_string = true;
        init.tokenize_fn             = tokenize;
        init.tokenize_user_data      = vocab;
        char           problem[1024];
        LlgTokenizer * made = llg_new_tokenizer_v2(&init, problem, sizeof(problem));
        if (made == nullptr) {
            refuse(problem);
        }
        return tokenizer_ptr(made, llg_free_tokenizer);
    }

    std::mutex         mutex_;
    std::vector<entry> entries_;
};

// Never destroyed: a server may still run while the process exits.
tokenizer_cache & the_cache() {
    static tokenizer_cache * instance = new tokenizer_cache;
    return *instance;
}

struct grammar_state {
    tokenizer_ptr                                            tokenizer;
    std::unique_ptr<LlgMatcher, decltype(&llg_free_matcher)> matcher{nullptr, llg_free_matcher};
};

grammar_state & state_of(const llama_sampler * sampler) { return *static_cast<grammar_state *>(sampler->ctx); }

void check(int32_t status, LlgMatcher * matcher) {
    if (status != 0) {
        refuse(llg_matcher_get_error(matcher));
    }
}

const char * name(const llama_sampler *) { return "llguidance"; }

void accept(llama_sampler * sampler, llama_token token) {
    LlgMatcher * matcher = state_of(sampler).matcher.get();
    // Where the grammar has ended already, this is the token that ends the answer.
    if (llg_matcher_is_error(matcher) || !llg_matcher_is_stopped(matcher)) {
        check(llg_matcher_consume_token(matcher, static_cast<uint32_t>(token)), matcher);
    }
}

void apply(llama_sampler * sampler, llama_token_data_array * candidates) {
    LlgMatcher *     matcher = state_of(sampler).matcher.get();
    const uint32_t * mask    = llg_matcher_get_mask(matcher);
    if (mask == nullptr) {
        check(llg_matcher_compute_mask(matcher), matcher);
        mask = llg_matcher_get_mask(matcher);
    }
    for (size_t i = 0; i < candidates->size; ++i) {
        const auto token = static_cast<uint32_t>(candidates->data[i].id);
        if ((mask[token / 32] >> (token % 32) & 1) == 0) {
            candidates->data[i].logit = -INFINITY;
        }
    }
}

void reset(llama_sampler * sampler) {
    LlgMatcher * matcher = state_of(sampler).matcher.get();
    check(llg_matcher_reset(matcher), matcher);
}

llama_sampler * clone(const llama_sampler * sampler);

void release(llama_sampler * sampler) { delete static_cast<grammar_state *>(sampler->ctx); }

llama_sampler_i interface_ = {name,    accept,  apply,   reset,   clone,   release,
                              nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

llama_sampler * clone(const llama_sampler * sampler) {
    const grammar_state & from = state_of(sampler);
    auto                  copy = std::make_unique<grammar_state>();
    copy->tokenizer            = from.tokenizer;
    copy->matcher.reset(llg_clone_matcher(from.matcher.get()));
    return llama_sampler_init(&interface_, copy.release());
}

}  // namespace

llama_sampler * llama_sampler_init_llg(const llama_vocab * vocab, const char * grammar_kind,
                                       const char * grammar_data) {
    auto made       = std::make_unique<grammar_state>();
    made->tokenizer = the_cache().get(vocab);
    LlgConstraintInit init;
    llg_constraint_init_set_defaults(&init, made->tokenizer.get());
    init.log_stderr_level        = 0;
    init.limits.verbose_errors   = false;
    init.limits.max_grammar_size = 200000;  // more takes seconds
    init.limits.max_items_in_row = 5000;    // an object with 1000 optional properties
    made->matcher.reset(llg_new_matcher(&init, grammar_kind, grammar_data));
    if (const char * problem = llg_matcher_get_error(made->matcher.get())) {
        refuse(problem);
    }
    return llama_sampler_init(&interface_, made.release());
}

namespace xllamacpp {

XLLAMACPP_VISIBLE void forget_tokenizers() { the_cache().clear(); }

}  // namespace xllamacpp
