// LLGuidance's grammars (Lark), looked through before LLGuidance reads them.
#pragma once

#include <string>

namespace xllamacpp {

/// Whether a grammar is one of LLGuidance's: llama.cpp knows it by its first line.
bool is_lark(const std::string & grammar);

/// Throws std::invalid_argument where a grammar, or a JSON schema inside it, would take LLGuidance down, or minutes of
/// it. Whether it is a grammar is left to LLGuidance, which says where it is not.
void check_lark_limits(const std::string & grammar);

}  // namespace xllamacpp
