#include "system/log_queue.h"

#include "ggml.h"
#include "llama.h"
#include "log.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>

#ifndef _WIN32
#    include <pthread.h>
#endif

extern "C" void xllamacpp_set_log_sink(void (*sink)(int level, const char * text));

namespace xllamacpp {

namespace {

struct queue {
    std::mutex              mutex;
    std::condition_variable filled;
    std::deque<log_line>    lines;
    uint64_t                dropped = 0;
    bool                    woken   = false;
};

// Never destroyed: ggml's threads may log while the process exits.
queue & the_queue() {
    static queue * instance = new queue;
    return *instance;
}

thread_local log_capture * capture = nullptr;

// llama.cpp builds some lines from several calls; they are joined per thread until the line break comes.
struct partial_line {
    int         level = log_level_info;
    std::string text;
};
thread_local partial_line partial;

}  // namespace

void log_line_finished(int level, std::string && text) {
    if (capture != nullptr && level >= log_level_warn) {
        capture->lines_.push_back({level, text});
    }
    queue & q = the_queue();
    {
        const std::lock_guard<std::mutex> lock(q.mutex);
        if (q.lines.size() == log_capacity) {
            q.lines.pop_front();
            ++q.dropped;
        }
        q.lines.push_back({level, std::move(text)});
    }
    q.filled.notify_one();
}

namespace {

void receive(int level, const char * text) {
    if (level != GGML_LOG_LEVEL_CONT) {
        partial.level = level == GGML_LOG_LEVEL_NONE ? log_level_info : level;
    }
    for (const char * c = text; *c != '\0'; ++c) {
        if (*c != '\n') {
            partial.text += *c;
        } else if (!partial.text.empty()) {
            log_line_finished(partial.level, std::move(partial.text));
            partial.text.clear();
        }
    }
}

}  // namespace

log_capture::log_capture() : outer_(capture) { capture = this; }

log_capture::~log_capture() { capture = outer_; }

void log_install() {
    static const bool installed = [] {
        xllamacpp_set_log_sink(receive);
        llama_log_set(common_log_default_callback, nullptr);
#ifndef _WIN32
        // A child process must not inherit the lock in the hands of a thread that it does not have, nor a condition on
        // which such a thread still seems to wait: to signal that one would wait for the thread to wake.
        pthread_atfork([] { the_queue().mutex.lock(); }, [] { the_queue().mutex.unlock(); },
                       [] {
                           new (&the_queue().filled) std::condition_variable;
                           the_queue().mutex.unlock();
                       });
#endif
        return true;
    }();
    (void) installed;
}

uint64_t log_drain(std::vector<log_line> & lines, int timeout_ms) {
    queue &                      q = the_queue();
    std::unique_lock<std::mutex> lock(q.mutex);
    q.filled.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return !q.lines.empty() || q.woken; });
    q.woken = false;
    for (log_line & line : q.lines) {
        lines.push_back(std::move(line));
    }
    q.lines.clear();
    const uint64_t dropped = q.dropped;
    q.dropped              = 0;
    return dropped;
}

void log_wake() {
    queue & q = the_queue();
    {
        const std::lock_guard<std::mutex> lock(q.mutex);
        q.woken = true;
    }
    q.filled.notify_all();
}

void log_write(int level, const std::string & text) { log_line_finished(level, std::string(text)); }

}  // namespace xllamacpp
