// What was freed, and the C library keeps.
#pragma once

namespace xllamacpp {

/// Gives it back to the system: scattered over the heaps of threads that are gone, it can be tens of megabytes.
void return_freed_memory();

}  // namespace xllamacpp
