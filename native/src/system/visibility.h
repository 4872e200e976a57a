// What llama-common gives to the other libraries, of those parts of it that are ours.
#pragma once

#ifdef _WIN32
// There CMake exports all that is in it (llama.cpp sets WINDOWS_EXPORT_ALL_SYMBOLS).
#    define XLLAMACPP_VISIBLE
#else
#    define XLLAMACPP_VISIBLE __attribute__((visibility("default")))
#endif
