// What a JSON text may be made of, seen before anything parses it.
#pragma once

#include <string>

namespace xllamacpp {

/// Throws std::invalid_argument where a text would cost more than it can be worth: nested so deep that code that
/// follows it down would leave the stack (llama.cpp's does), with so many members in its objects that looking each up
/// takes minutes (llama.cpp's objects are lists), or made of so many parts that they fill the memory. `what` names the
/// text. Whether it is JSON is left to the parser.
void check_json_limits(const std::string & text, const std::string & what);

}  // namespace xllamacpp
