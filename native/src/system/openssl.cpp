#include "xllamacpp/openssl.h"

#ifdef XLLAMACPP_OPENSSL_FUNCTIONS

#    include <array>
#    include <dlfcn.h>
#    include <openssl/opensslv.h>

// cpp-httplib calls OpenSSL's functions by their names. Each of these names is a jump here, to where the slot of the
// same name points: to the function, or to one that does nothing. A function that jumps passes every argument on as it
// is, so that none of their types has to be known.

namespace {

using function = long (*)();

/// In the place of all of them where there is no OpenSSL: cpp-httplib takes it for a call that failed.
long absent() { return 0; }

}  // namespace

#    if defined(__x86_64__)
#        define JUMP(slot) "jmp *" slot "(%rip)\n"
#    elif defined(__aarch64__)
#        define JUMP(slot)                                                                                             \
            "adrp x16, " slot "\n"                                                                                     \
            "ldr x16, [x16, #:lo12:" slot "]\n"                                                                        \
            "br x16\n"
#    else
#        error "no jump is known for this processor"
#    endif

#    define OPENSSL_FUNCTION(name)                                                                                     \
        extern "C" {                                                                                                   \
        __attribute__((visibility("hidden"), used)) function xllamacpp_slot_##name = absent;                           \
        }                                                                                                              \
        __asm__(".pushsection .text\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" #name          \
                ":\n" JUMP("xllamacpp_slot_" #name) ".size " #name ", .-" #name "\n.popsection\n");
#    include XLLAMACPP_OPENSSL_FUNCTIONS
#    undef OPENSSL_FUNCTION

namespace {

constexpr const char * library = "libssl.so." OPENSSL_MSTR(OPENSSL_SHLIB_VERSION);

struct slot {
    const char * name;
    function *   place;
};

#    define OPENSSL_FUNCTION(name) slot{#name, &xllamacpp_slot_##name},
const slot slots[] = {
#    include XLLAMACPP_OPENSSL_FUNCTIONS
};
#    undef OPENSSL_FUNCTION

/// All of them or none: half an OpenSSL would be worse than no OpenSSL. libcrypto's are found through libssl.
bool fill_slots() {
    void * handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        return false;
    }
    std::array<void *, std::size(slots)> found{};
    for (std::size_t i = 0; i < found.size(); ++i) {
        found[i] = dlsym(handle, slots[i].name);
        if (found[i] == nullptr) {
            dlclose(handle);
            return false;
        }
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        *slots[i].place = reinterpret_cast<function>(found[i]);
    }
    return true;
}

const bool filled = fill_slots();

}  // namespace

namespace xllamacpp {

std::string openssl_problem() {
    if (filled) {
        return "";
    }
    return std::string(library) + " is missing, which HTTPS takes: install OpenSSL " +
           OPENSSL_MSTR(OPENSSL_SHLIB_VERSION) + " (Debian, Ubuntu: libssl3; Fedora: openssl-libs)";
}

}  // namespace xllamacpp

#else

namespace xllamacpp {

std::string openssl_problem() {
#    ifdef CPPHTTPLIB_OPENSSL_SUPPORT
    return "";
#    else
    return "this build was made without OpenSSL, which HTTPS takes";
#    endif
}

}  // namespace xllamacpp

#endif
