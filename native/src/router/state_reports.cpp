#include "router/state_reports.h"

#include "server-common.h"

#ifdef _WIN32
#    include <io.h>
#else
#    include <unistd.h>
#endif

namespace xllamacpp {

void state_reports::send(::server_state state, const json & payload) const {
    if (descriptor_ < 0) {
        return;
    }
    // In one write, which a pipe keeps together.
    const std::string line =
        "cmd_child_to_router:state:" + safe_json_to_str({{"state", server_state_to_str(state)}, {"payload", payload}}) +
        "\n";
    // Where the router is gone, this process is about to be told so.
#ifdef _WIN32
    (void) !::_write(descriptor_, line.data(), static_cast<unsigned>(line.size()));
#else
    (void) !::write(descriptor_, line.data(), line.size());
#endif
}

}  // namespace xllamacpp
