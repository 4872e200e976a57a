// The process's log: every line of llama.cpp, ggml and this core, in one bounded queue that a consumer drains.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace xllamacpp {

/// Severity of a line, ggml's numbers.
enum log_level : int {
    log_level_debug = 1,
    log_level_info  = 2,
    log_level_warn  = 3,
    log_level_error = 4,
};

struct log_line {
    int         level = log_level_info;
    std::string text;  ///< One line, without its line break.
};

/// Waits up to `timeout_ms` for lines and moves all that are there to the end of `lines`.
///
/// Returns the number of lines that were lost since the last call because nobody drained the queue (it keeps the
/// newest `log_capacity` lines).
uint64_t log_drain(std::vector<log_line> & lines, int timeout_ms);

/// Ends a wait in log_drain at once.
void log_wake();

/// Writes one line of this core's own into the same queue.
void log_write(int level, const std::string & text);

/// The lines that the queue keeps while nobody drains it.
constexpr size_t log_capacity = 4096;

}  // namespace xllamacpp
