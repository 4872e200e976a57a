// Single values in the body of a request, read and checked by the name of their option.
#pragma once

#include "params/table.h"

#include <string>

namespace xllamacpp {

/// The option's value, or nullptr where there is none. To llama.cpp, null is none.
const json * given(const json & body, const char * option);

/// The whole number that a value is, or the value itself: some clients write 16.0 for 16.
json as_whole(const json & value);

/// Throws a parameter_error unless the field `parameter` of structure S may hold the value. `option` names it.
template <class S> void check_like(const char * parameter, const json & value, const std::string & option) {
    S          scratch = default_of<S>();
    const part like    = find_part(structure_of<S>(), &scratch, parameter);
    write_part(like, like.via->whole ? as_whole(value) : value, option);
}

// Each throws a parameter_error unless the option has such a value, or none.
void check_whole(const json & body, const char * option, int64_t low, int64_t high, const char * advice = "");
void check_text(const json & body, const char * option, const char * what);
void check_texts(const json & body, const char * option);
void check_text_or_texts(const json & body, const char * option);
void check_object(const json & body, const char * option, const char * what);

}  // namespace xllamacpp
