// llama.cpp's own grammars (GBNF), read as llama.cpp reads them, to say where one is wrong.
#pragma once

#include <string>

namespace xllamacpp {

/// Throws std::invalid_argument: "grammar: line 2, column 5: expected ...". llama.cpp itself prints what is wrong and
/// answers that it is; and it would leave its stack or fill the memory over grammars that this refuses.
void check_gbnf(const std::string & grammar);

}  // namespace xllamacpp
