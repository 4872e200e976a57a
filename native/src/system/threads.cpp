#include "system/threads.h"

#ifdef _WIN32
#    include <process.h>
#else
#    include <unistd.h>
#endif

namespace xllamacpp {

#ifdef _WIN32
signal_block::signal_block()  = default;
signal_block::~signal_block() = default;
#else
signal_block::signal_block() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        sigdelset(&blocked, fault);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
}

signal_block::~signal_block() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
#endif

std::thread start_quiet_thread(std::function<void()> body) {
    const signal_block block;
    return std::thread(std::move(body));
}

namespace {

int process_id() {
#ifdef _WIN32
    return _getpid();
#else
    return getpid();
#endif
}

}  // namespace

home_process::home_process() : id_(process_id()) {}

bool home_process::is_this() const { return id_ == process_id(); }

void thread_pool::run(std::function<void()> job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
    if (idle_ < jobs_.size()) {
        threads_.push_back(start_quiet_thread([this] { work(); }));
    }
    changed_.notify_one();
}

void thread_pool::work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        ++idle_;
        changed_.wait(lock, [this] { return !jobs_.empty() || joining_; });
        --idle_;
        if (jobs_.empty()) {
            return;
        }
        const std::function<void()> job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        lock.lock();
    }
}

void thread_pool::join() {
    std::vector<std::thread> threads;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        joining_ = true;
        threads.swap(threads_);
    }
    changed_.notify_all();
    for (std::thread & thread : threads) {
        thread.join();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    joining_ = false;
}

}  // namespace xllamacpp
