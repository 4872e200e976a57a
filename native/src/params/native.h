// The native side of params: for those who call llama.cpp.
#pragma once

#include "xllamacpp/params.h"

#include "common.h"

namespace xllamacpp {

struct params::native {
    common_params value;
};

/// Completes parameters for a load, as llama.cpp's own command line and server do between parsing and loading.
///
/// It can be called again on its own result. Throws a parameter_error for what llama.cpp would abort on.
void prepare(common_params & value);

}  // namespace xllamacpp
