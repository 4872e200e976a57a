#include "threads.h"

#ifndef _WIN32
#    include <csignal>
#endif

namespace xllamacpp {

std::thread start_quiet_thread(std::function<void()> body) {
#ifndef _WIN32
    // A thread inherits the mask of the thread that starts it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        sigdelset(&all, fault);
    }
    pthread_sigmask(SIG_BLOCK, &all, &before);
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
#else
    return std::thread(std::move(body));
#endif
}

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
