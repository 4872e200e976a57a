// What depends on the model's own metadata, checked right after it was read and before its weights are.
#pragma once

#include "common.h"

namespace xllamacpp {

/// Throws a parameter_error where llama.cpp would abort or misbehave with this model, its adapters or its draft model.
/// Completes what only the model can say: the way in which a draft model drafts. Warns about what costs for nothing.
void check_model(common_params & p);

}  // namespace xllamacpp
