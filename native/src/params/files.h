// The files that parameters name, looked at before llama.cpp opens them: it would blame the model, or abort.
#pragma once

#include "common.h"

#include <string>

namespace xllamacpp {

/// Throws a parameter_error that names the field.
void check_directory(const std::string & path, const char * field);

/// Throws a parameter_error for the first file that is not there, or is not what it should be.
void check_files(const common_params & p);

/// The same for what belongs to the model, and is read again whenever it is loaded.
void check_model_files(const common_params & p);

}  // namespace xllamacpp
