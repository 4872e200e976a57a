// Compute backends: ggml modules, found in one folder and loaded at run time, and the devices that they bring.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace xllamacpp {

/// A module file in the library folder, and what became of it.
struct backend_module {
    std::string name;        ///< "cpu-haswell", "cuda", "vulkan", ...
    std::string path;        ///< The file.
    std::string kind;        ///< "cpu" (one of several, the best is taken), "gpu" or "accelerator" (each is taken).
    int         score  = 0;  ///< ggml's own: 0 cannot run on this CPU, else higher is better. CPU modules only.
    bool        loaded = false;
    std::string reason;  ///< Why it was chosen or left out, with the dynamic linker's words where it failed.
};

/// A device that models can run on.
struct device {
    std::string name;                      ///< "CPU", "CUDA0", ...
    std::string description;               ///< The product name.
    int         type = 0;                  ///< ggml_backend_dev_type: 0 CPU, 1 GPU, 2 integrated GPU, 3 accelerator.
    std::string device_id;                 ///< PCI address where there is one, else empty.
    uint64_t    memory_free          = 0;  ///< Bytes.
    uint64_t    memory_total         = 0;  ///< Bytes.
    bool        async                = false;
    bool        host_buffer          = false;
    bool        buffer_from_host_ptr = false;
    bool        events               = false;
};

/// Loads, out of `directory`, the CPU module that suits this CPU best and every other module whose libraries (a
/// GPU's driver, say) are there.
///
/// Only the first call loads; later ones do nothing. The environment variable XLLAMACPP_CPU_MODULE names a CPU module
/// to take instead of the best (e.g. "haswell"). Throws std::runtime_error where no CPU module can be loaded.
void load_backends(const std::string & directory);

/// What load_backends found; empty before it ran.
std::vector<backend_module> backend_modules();

/// The devices of all loaded modules, with their memory as it is now.
std::vector<device> devices();

/// llama.cpp's line on the features that the loaded modules use ("CPU : SSE3 = 1 | AVX2 = 1 | ...").
std::string system_info();

}  // namespace xllamacpp
