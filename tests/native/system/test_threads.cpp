#include "system/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

using namespace xllamacpp;

namespace {

TEST(QuietThread, BlocksSignalsInItselfAndItsThreadsOnly) {
    sigset_t inside;
    sigset_t nested;
    start_quiet_thread([&] {
        pthread_sigmask(SIG_SETMASK, nullptr, &inside);
        std::thread([&] { pthread_sigmask(SIG_SETMASK, nullptr, &nested); }).join();
    }).join();
    sigset_t outside;
    pthread_sigmask(SIG_SETMASK, nullptr, &outside);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) {
        EXPECT_TRUE(sigismember(&inside, signal));
        EXPECT_TRUE(sigismember(&nested, signal));
        EXPECT_FALSE(sigismember(&outside, signal));
    }
    EXPECT_FALSE(sigismember(&inside, SIGSEGV));
}

TEST(ThreadPool, RunsJobsAtTheSameTime) {
    thread_pool             pool;
    std::mutex              mutex;
    std::condition_variable met;
    int                     here = 0;
    for (int i = 0; i < 8; ++i) {
        // Ends only when all eight are inside at once.
        pool.run([&] {
            std::unique_lock<std::mutex> lock(mutex);
            ++here;
            met.notify_all();
            met.wait(lock, [&] { return here == 8; });
        });
    }
    pool.join();
    EXPECT_EQ(here, 8);
}

TEST(ThreadPool, UsesItsThreadsAgain) {
    thread_pool               pool;
    std::mutex                mutex;
    std::set<std::thread::id> ids;
    for (int i = 0; i < 20; ++i) {
        std::atomic<bool> done{false};
        pool.run([&] {
            const std::lock_guard<std::mutex> lock(mutex);
            ids.insert(std::this_thread::get_id());
            done = true;
        });
        while (!done) {
            std::this_thread::yield();
        }
    }
    pool.join();
    EXPECT_LT(ids.size(), 20u);
}

TEST(ThreadPool, RunsAgainAfterAJoin) {
    thread_pool      pool;
    std::atomic<int> ran{0};
    pool.run([&] { ++ran; });
    pool.join();
    pool.run([&] { ++ran; });
    pool.join();
    EXPECT_EQ(ran, 2);
}

TEST(HomeProcess, IsAnotherInTheChildOfAFork) {
    const home_process home;
    EXPECT_TRUE(home.is_this());
    const pid_t child = fork();
    if (child == 0) {
        _exit(home.is_this() ? 1 : 2);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 2);
}

}  // namespace
