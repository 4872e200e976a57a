#pragma once

#include "xllamacpp/log.h"

namespace xllamacpp {

/// Sends llama.cpp's lines into the queue. Idempotent.
void log_install();

/// Collects the warnings and errors that the current thread logs while the object lives: why a load failed.
class log_capture {
  public:
    log_capture();
    ~log_capture();
    log_capture(const log_capture &)             = delete;
    log_capture & operator=(const log_capture &) = delete;

    const std::vector<log_line> & lines() const { return lines_; }

  private:
    friend void           log_line_finished(int level, std::string && text);
    std::vector<log_line> lines_;
    log_capture *         outer_;
};

}  // namespace xllamacpp
