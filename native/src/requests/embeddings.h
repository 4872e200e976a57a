// Requests for embeddings and for an order of documents.
#pragma once

#include "server/request_gate.h"

#include "common.h"

#include <string>

namespace xllamacpp {

// Each throws a parameter_error that says what is wrong, where llama.cpp would pass it by or not survive it.

void check_embeddings(const std::string & body, int n_vocab);
void check_rerank(const std::string & body);

/// Adds OpenAI's `dimensions`, which llama.cpp passes by: as many of the first numbers, scaled again. `params` must
/// outlive the handler.
handler shortened(const handler & embeddings, const common_params & params);

}  // namespace xllamacpp
