// The server's metrics over all the times that its model was in memory.
#pragma once

#include "server-common.h"

namespace xllamacpp {

/// Adds what one time in memory has counted to `total`.
void add_metrics(server_metrics & total, const server_metrics & part);

}  // namespace xllamacpp
