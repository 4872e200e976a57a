// What a request says of its answer beyond how it is sampled: grammars, schemas, tools.
#pragma once

#include "grammars/structured_output.h"

#include <string>

namespace xllamacpp {

/// Prepares a request's tools (prepare_tool_calls) and what its answer must look like (prepare_structured_output).
/// Returns the body, which is as it was where it has neither. Throws std::invalid_argument for what is wrong.
std::string prepare_constraints(const std::string & body, request_kind kind, const model_facts & model);

}  // namespace xllamacpp
