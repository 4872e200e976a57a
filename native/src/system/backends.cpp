#include "xllamacpp/backends.h"

#include "ggml-backend.h"
#include "llama.h"
#include "system/log_queue.h"
#include "system/shared_library.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>

namespace xllamacpp {

namespace {

namespace fs = std::filesystem;

struct registry {
    std::mutex                  mutex;
    bool                        done = false;
    std::vector<backend_module> modules;
};

registry & the_registry() {
    static registry instance;
    return instance;
}

/// "libggml-cpu-haswell.so" -> "cpu-haswell"; empty for any other file.
std::string module_name(const fs::path & file) {
#ifdef _WIN32
    const std::string prefix    = "ggml-";
    const std::string extension = ".dll";
#else
    // macOS's too: CMake gives a module that ending there.
    const std::string prefix    = "libggml-";
    const std::string extension = ".so";
#endif
    const std::string stem   = file.stem().u8string();
    const bool        is_lib = file.extension() == extension;
    // The libraries that everything links to have our suffix; modules keep ggml's names.
    const bool is_core = stem.size() > 4 && stem.compare(stem.size() - 4, 4, "-xlc") == 0;
    if (!is_lib || is_core || stem.compare(0, prefix.size(), prefix) != 0) {
        return "";
    }
    return stem.substr(prefix.size());
}

std::string kind_of(const std::string & name) {
    if (name.compare(0, 3, "cpu") == 0) {
        return "cpu";
    }
    return name == "blas" || name == "zendnn" ? "accelerator" : "gpu";
}

std::vector<backend_module> find_modules(const std::string & directory) {
    std::vector<backend_module> modules;
    std::error_code             error;
    for (const fs::directory_entry & entry : fs::directory_iterator(fs::u8path(directory), error)) {
        const std::string name = module_name(entry.path());
        if (!name.empty()) {
            backend_module module;
            module.name = name;
            module.path = entry.path().u8string();
            module.kind = kind_of(name);
            modules.push_back(module);
        }
    }
    if (error) {
        throw std::runtime_error("cannot read the library folder '" + directory + "': " + error.message());
    }
    std::sort(modules.begin(), modules.end(), [](const auto & a, const auto & b) { return a.name < b.name; });
    return modules;
}

/// Opens the module and asks it how well it suits this CPU. The answer is compiled without any instruction-set flag.
///
/// We do this rather than ggml_backend_load_all_from_path, because a release build of ggml keeps the dynamic linker's
/// error text to itself, and because that function also looks into the working directory.
void probe(backend_module & module) {
    const shared_library library(fs::u8path(module.path));
    module.reason = library.problem();
    if (!module.reason.empty()) {
        return;
    }
    auto * const score = library.find<int()>("ggml_backend_score");
    module.score       = score != nullptr ? score() : 1;  // a native module has no score: it is the only one
    if (module.score == 0) {
        module.reason = "needs instructions that this CPU lacks";
    }
}

bool load(backend_module & module, const std::string & reason) {
    // ggml takes names as the system has them, which is UTF-8 everywhere but on Windows.
    if (ggml_backend_load(fs::u8path(module.path).string().c_str()) == nullptr) {
        module.reason = "it gave no backend: no driver or device for it, or another version of its interface";
        return false;
    }
    module.loaded = true;
    module.reason = reason;
    log_write(log_level_info, "loaded module " + module.name + ": " + reason);
    return true;
}

void load_cpu_module(std::vector<backend_module> & modules) {
    const char *      wanted_variable = std::getenv("XLLAMACPP_CPU_MODULE");
    const std::string wanted          = wanted_variable != nullptr ? wanted_variable : "";
    backend_module *  best            = nullptr;
    std::string       names;
    for (backend_module & module : modules) {
        if (module.kind != "cpu") {
            continue;
        }
        names += (names.empty() ? "" : ", ") + module.name;
        if (module.score == 0) {
            continue;
        }
        if (!wanted.empty()) {
            if (module.name == wanted || module.name == "cpu-" + wanted) {
                best = &module;
            }
        } else if (best == nullptr || module.score > best->score) {
            best = &module;
        }
    }
    if (best == nullptr && !wanted.empty()) {
        throw std::runtime_error("XLLAMACPP_CPU_MODULE is '" + wanted +
                                 "', which is not a module that runs on this CPU; "
                                 "there are: " +
                                 names + " (`xllamacpp info` says which of them run here)");
    }
    if (best == nullptr) {
        throw std::runtime_error("no CPU module runs on this machine; the library folder has: " +
                                 (names.empty() ? "none" : names));
    }
    const std::string reason = !wanted.empty()
                                   ? "asked for by XLLAMACPP_CPU_MODULE"
                                   : "the best that this CPU runs (score " + std::to_string(best->score) + ")";
    if (!load(*best, reason)) {
        throw std::runtime_error("cannot load " + best->path + ": " + best->reason);
    }
    for (backend_module & module : modules) {
        if (module.kind == "cpu" && module.reason.empty()) {
            module.reason = "runs here, but " + best->name + " was chosen";
        }
    }
}

}  // namespace

void load_backends(const std::string & directory) {
    registry &                        r = the_registry();
    const std::lock_guard<std::mutex> lock(r.mutex);
    if (r.done) {
        return;
    }
    log_install();
    std::vector<backend_module> modules = find_modules(directory);
    for (backend_module & module : modules) {
        probe(module);
    }
    for (backend_module & module : modules) {
        if (module.kind == "cpu") {
            continue;
        }
        if (module.reason.empty()) {
            load(module, "the libraries that it needs are there");
        } else {
            log_write(log_level_warn, "module " + module.name + " is not used: " + module.reason);
        }
    }
    load_cpu_module(modules);
    llama_backend_init();
    r.modules = std::move(modules);
    r.done    = true;
}

std::vector<backend_module> backend_modules() {
    registry &                        r = the_registry();
    const std::lock_guard<std::mutex> lock(r.mutex);
    return r.modules;
}

std::vector<device> devices() {
    std::vector<device> found;
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_dev_props properties{};
        ggml_backend_dev_get_props(ggml_backend_dev_get(i), &properties);
        device d;
        d.name                 = properties.name != nullptr ? properties.name : "";
        d.description          = properties.description != nullptr ? properties.description : "";
        d.type                 = properties.type;
        d.device_id            = properties.device_id != nullptr ? properties.device_id : "";
        d.memory_free          = properties.memory_free;
        d.memory_total         = properties.memory_total;
        d.async                = properties.caps.async;
        d.host_buffer          = properties.caps.host_buffer;
        d.buffer_from_host_ptr = properties.caps.buffer_from_host_ptr;
        d.events               = properties.caps.events;
        found.push_back(d);
    }
    return found;
}

std::string system_info() {
    // llama.cpp writes into one static string.
    static std::mutex                 mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    return llama_print_system_info();
}

}  // namespace xllamacpp
