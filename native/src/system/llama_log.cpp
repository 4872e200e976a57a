// llama.cpp's logging interface (common/log.h), implemented on a sink instead of a printing thread.
//
// It is compiled into llama-common in the place of llama.cpp's own log.cpp, so that every line of the process, from
// ggml's C code to the server's, takes the same way: formatted on the thread that logs, then handed to one function.
// No thread, no file and no terminal belong to it; fork() and exit() find nothing to wait for.

#include "log.h"

#include "visibility.h"

#include "json.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

namespace {

struct diversion {
    ggml_log_callback callback  = nullptr;
    void *            user_data = nullptr;
};
thread_local diversion the_diversion;

std::atomic<int>  verbosity_threshold{LOG_DEFAULT_LLAMA};
std::atomic<bool> jsonl{false};

using sink_function = void (*)(int level, const char * text);
std::atomic<sink_function> sink{nullptr};

void emit(ggml_log_level level, const char * text) {
    if (const sink_function function = sink.load(std::memory_order_acquire)) {
        function(level, text);
    }
}

}  // namespace

struct common_log {};

extern "C" XLLAMACPP_VISIBLE void xllamacpp_set_log_sink(sink_function function) {
    sink.store(function, std::memory_order_release);
}

int  common_log_get_verbosity_thold() { return verbosity_threshold; }
void common_log_set_verbosity_thold(int verbosity) { verbosity_threshold = verbosity; }
bool common_log_get_jsonl() { return jsonl; }
void common_log_set_jsonl(bool enabled) { jsonl = enabled; }

int common_log_get_verbosity(ggml_log_level level) {
    switch (level) {
        case GGML_LOG_LEVEL_DEBUG: return LOG_LEVEL_DEBUG;
        // The engine's INFO lines are details of a load or a batch; llama.cpp counts them as trace.
        case GGML_LOG_LEVEL_INFO:
        case GGML_LOG_LEVEL_CONT:  return LOG_LEVEL_TRACE;
        case GGML_LOG_LEVEL_WARN:  return LOG_LEVEL_WARN;
        case GGML_LOG_LEVEL_ERROR: return LOG_LEVEL_ERROR;
        default:                   return LOG_LEVEL_OUTPUT;
    }
}

/// What fit.cpp calls in the place of llama_log_set (cmake/llama_cpp.cmake), which is for all threads: while one server
/// finds out what a model takes, the lines of others went to a callback on its stack.
extern "C" void xllamacpp_divert_log(ggml_log_callback callback, void * user_data) {
    diversion undiverted;
    ggml_log_get(&undiverted.callback, &undiverted.user_data);
    the_diversion = callback == undiverted.callback ? diversion() : diversion{callback, user_data};
}

void common_log_default_callback(ggml_log_level level, const char * text, void * /*user_data*/) {
    // It calls this one itself.
    if (const diversion diverted = std::exchange(the_diversion, diversion()); diverted.callback) {
        diverted.callback(level, text, diverted.user_data);
        the_diversion = diverted;
        return;
    }
    if (common_log_get_verbosity(level) <= verbosity_threshold) {
        emit(level, text);
    }
}

void common_log_add(common_log * /*log*/, ggml_log_level level, const char * format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        std::string text(static_cast<size_t>(length), '\0');
        std::vsnprintf(text.data(), text.size() + 1, format, again);
        emit(level, text.c_str());
    }
    va_end(again);
}

void common_log_add_json(common_log * log, const char * type, const common_json & data) {
    if (jsonl) {
        const common_json line = {{"type", type}, {"data", data}};
        common_log_add(log, GGML_LOG_LEVEL_INFO, "%s\n", line.dump_safe().c_str());
    }
}

common_log * common_log_main() {
    static common_log instance;
    return &instance;
}

common_log * common_log_init() { return new common_log; }
void         common_log_free(common_log * log) { delete log; }

// What follows configures a printer; the sink has none. Python's logging decides on files, colours and prefixes.
void common_log_pause(common_log *) {}
void common_log_resume(common_log *) {}
void common_log_flush(common_log *) {}
void common_log_set_file(common_log *, const char *) {}
void common_log_set_colors(common_log *, log_colors) {}
void common_log_set_prefix(common_log *, bool) {}
void common_log_set_timestamps(common_log *, bool) {}
