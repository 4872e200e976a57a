// The handlers that clients reach: they outlive the model's own, wake it, or answer for it while it sleeps.
#pragma once

#include "model/host.h"

namespace xllamacpp {

struct model_front {
    /// Never loaded: llama.cpp's set of handlers cannot be made without one.
    server_context context;
    server_routes  handlers;

    /// `params` and `host` must outlive it.
    model_front(const common_params & params, model_host & host);
};

}  // namespace xllamacpp
