#include "system/freed_memory.h"

#include <cstdlib>

#ifdef __GLIBC__
#    include <malloc.h>
#endif

namespace xllamacpp {

void return_freed_memory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace xllamacpp
