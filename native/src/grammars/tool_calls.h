// The tools of a request, and which of them are to be called.
#pragma once

#include "model/facts.h"
#include "grammars/structured_output.h"

namespace xllamacpp {

/// Checks `tools`, the schemas of their parameters (llama.cpp makes GBNF of them), `tool_choice`,
/// `parallel_tool_calls` and the calls that the messages tell of; throws std::invalid_argument for what is wrong.
///
/// A `tool_choice` that names a tool, which llama.cpp would pass by, leaves that tool alone in the request and requires
/// a call. A choice of none in /v1/messages, which it would pass by too, leaves no tool.
void prepare_tool_calls(json & body, request_kind kind, const model_facts & model);

}  // namespace xllamacpp
