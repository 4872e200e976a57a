// What llama_llguidance.cpp, which is part of llama-common, offers the rest of us.
#pragma once

namespace xllamacpp {

#ifdef LLAMA_USE_LLGUIDANCE
/// Frees what LLGuidance keeps of vocabularies. What is still in use, or wanted again, it makes again.
void forget_tokenizers();
#else
inline void forget_tokenizers() {}
#endif

}  // namespace xllamacpp
