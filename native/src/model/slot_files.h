// The files that slots are saved to and restored from.
#pragma once

#include "server/request_gate.h"

#include <string>

namespace xllamacpp {

/// Guards llama.cpp's handler for slots: the files that requests name are plain ones in `folder`, and what is restored
/// was saved whole, unless XLLAMACPP_UNSEALED_SLOTS is 1. llama.cpp would follow a symbolic link out of the folder,
/// wait for ever at a pipe, and end the process over a state that was damaged.
handler guarded_slots(const std::string & folder, const handler & handle);

}  // namespace xllamacpp
