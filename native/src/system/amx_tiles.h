// Stands before ggml's code for AMX (llama_cpp.cmake). GCC 12.2 takes `_tile_loadconfig` for a function that reads 8
// bytes of its 64, and leaves out what is written to the others: the tiles stay without a shape, and the first
// instruction that uses one ends the process.
#pragma once

#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#    include <immintrin.h>
#    define _tile_loadconfig(config)                                                                                   \
        __asm__ volatile("ldtilecfg %0" : : "m"(*reinterpret_cast<const char (*)[64]>(config)))
#endif
