// Threads that stay out of the embedding program's way, and what a fork does to them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#ifndef _WIN32
#    include <csignal>
#endif

namespace xllamacpp {

/// Keeps signals away from the calling thread, and so from the threads that it starts meanwhile, for as long as it
/// lives. Those that report a fault of the thread itself still come.
class signal_block {
  public:
    signal_block();
    ~signal_block();
    signal_block(const signal_block &)             = delete;
    signal_block & operator=(const signal_block &) = delete;

#ifndef _WIN32
  private:
    sigset_t before_;
#endif
};

/// Starts a thread that takes no signals, and whose own threads take none either.
///
/// The program's handlers keep running on the program's threads, and a client that hangs up cannot kill the process
/// with SIGPIPE, whatever its disposition is.
std::thread start_quiet_thread(std::function<void()> body);

/// Remembers the process that it was made in. The child of a fork has the memory of this process and none of its
/// threads: what belongs to a thread can neither be waited for there nor freed, only left alone.
class home_process {
  public:
    home_process();
    bool is_this() const;

  private:
    int id_;
};

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
