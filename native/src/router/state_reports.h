// What a model's process tells the router that started it: lines that llama.cpp's router looks for in what the process
// prints (tools/server/server-models.cpp).
#pragma once

#include "server-context.h"

namespace xllamacpp {

class state_reports {
  public:
    /// To the descriptor that the router reads, to which others write whole lines only; none where it is negative.
    explicit state_reports(int descriptor) : descriptor_(descriptor) {}

    void send(::server_state state, const json & payload) const;

  private:
    int descriptor_;
};

}  // namespace xllamacpp
