// JSON schemas of chat requests, sent to LLGuidance.
#pragma once

#include <string>

namespace xllamacpp {

/// Turns the JSON schema of a chat request (`json_schema`, or `response_format` in either form) into its `grammar`.
///
/// llama.cpp sends such a schema through its own GBNF grammars even in a build with LLGuidance, since it joins it with
/// the grammar of the chat template; keywords that GBNF cannot express (`multipleOf`, `allOf`, ...) are dropped there
/// without a word. As a grammar, the schema reaches LLGuidance, which knows them.
///
/// The body comes back as it is where that would change more than the grammar: with tools, with a grammar of the
/// caller's own (llama.cpp refuses both at once), without a schema, and in a build without LLGuidance.
std::string schema_to_grammar(const std::string & chat_body);

}  // namespace xllamacpp
