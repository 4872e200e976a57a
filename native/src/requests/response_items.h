// The items of `input` that llama.cpp does not know as OpenAI's clients send them.
#pragma once

#include <string>

namespace xllamacpp {

/// Says of an assistant's messages that they are messages, which may be left out (`/v1/responses`). Returns the body.
std::string mend_response_items(const std::string & body);

}  // namespace xllamacpp
