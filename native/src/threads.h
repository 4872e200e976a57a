// Threads that stay out of the embedding program's way.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace xllamacpp {

/// Starts a thread that takes no signals, and whose own threads take none either.
///
/// The program's handlers keep running on the program's threads, and a client that hangs up cannot kill the process
/// with SIGPIPE, whatever its disposition is.
std::thread start_quiet_thread(std::function<void()> body);

/// Runs jobs at once, each on a thread of its own, and keeps the threads for the next jobs.
///
/// It grows to the number of jobs that run at the same time. Jobs must not throw.
class thread_pool {
  public:
    thread_pool() = default;
    ~thread_pool() { join(); }
    thread_pool(const thread_pool &)             = delete;
    thread_pool & operator=(const thread_pool &) = delete;

    void run(std::function<void()> job);

    /// Waits for the running jobs and ends all threads. Jobs that come later are run by new threads.
    void join();

  private:
    void work();

    std::mutex                        mutex_;
    std::condition_variable           changed_;
    std::deque<std::function<void()>> jobs_;
    std::vector<std::thread>          threads_;
    size_t                            idle_    = 0;
    bool                              joining_ = false;
};

}  // namespace xllamacpp
