#include "system/shared_library.h"

#ifdef _WIN32
#    include <system_error>
#    include <windows.h>
#else
#    include <dlfcn.h>
#endif

namespace xllamacpp {

#ifdef _WIN32

shared_library::shared_library(const std::filesystem::path & file) {
    // Else a library that is missing is said in a window, and the process waits for somebody to close it.
    DWORD before = 0;
    SetThreadErrorMode(SEM_FAILCRITICALERRORS, &before);
    handle_         = LoadLibraryW(file.c_str());
    const int error = static_cast<int>(GetLastError());
    SetThreadErrorMode(before, nullptr);
    if (handle_ == nullptr) {
        problem_ = std::system_category().message(error);
    }
}

shared_library::~shared_library() {
    if (handle_ != nullptr) {
        FreeLibrary(static_cast<HMODULE>(handle_));
    }
}

void * shared_library::find_address(const char * name) const {
    return reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(handle_), name));
}

#else

shared_library::shared_library(const std::filesystem::path & file)
    : handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) {
        const char * problem = dlerror();
        problem_             = problem != nullptr ? problem : "cannot be opened";
    }
}

shared_library::~shared_library() {
    if (handle_ != nullptr) {
        dlclose(handle_);
    }
}

void * shared_library::find_address(const char * name) const { return dlsym(handle_, name); }

#endif

}  // namespace xllamacpp
