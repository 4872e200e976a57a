// Requests that say what their answer must look like: grammars and JSON schemas.
#pragma once

#include "model/facts.h"
#include "params/value.h"

#include <string>

namespace xllamacpp {

/// Whose request it is. Each has its own names, and llama.cpp its own code that makes a completion of it.
enum class request_kind {
    completion,  ///< /completion, /v1/completions, /infill
    chat,        ///< /v1/chat/completions
    responses,   ///< /v1/responses
    messages,    ///< /v1/messages
};

/// Makes one `grammar` of what a request asks for: `grammar` (LLGuidance's Lark or llama.cpp's GBNF), `json_schema`,
/// `response_format`, and `text.format` of /v1/responses. Throws std::invalid_argument where it asks for two of them,
/// for what its path cannot do, for a grammar that is none (and says where), or for one that would take the server
/// down.
///
/// A schema goes to LLGuidance, where llama.cpp would send a chat's through GBNF: it joins it with the grammar of the
/// chat template, and drops keywords that GBNF cannot express. Left to llama.cpp are the schemas of requests with
/// tools, of templates that think before they answer (only its own grammar lets thoughts by), and of builds without
/// LLGuidance; those with such keywords are refused.
void prepare_structured_output(json & body, request_kind kind, const model_facts & model);

/// The grammar of a schema: LLGuidance's where the build has it, unless it must be llama.cpp's own. Throws
/// std::invalid_argument for a schema that is beyond the limits, or beyond what GBNF can express.
std::string schema_grammar(const json & schema, const std::string & name, bool gbnf = false);

/// What llama.cpp's own grammars make of a schema that is within their limits, keywords dropped and all. Throws
/// std::invalid_argument where they make nothing of it.
std::string gbnf_of(const json & schema, const std::string & name);

}  // namespace xllamacpp
