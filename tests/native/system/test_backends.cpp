#include "xllamacpp/backends.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

using namespace xllamacpp;

namespace {

TEST(Backends, LoadsTheBestCpuModuleOnce) {
    load_backends(XLLAMACPP_MODULE_DIR);
    load_backends("/no/such/folder");  // does nothing: the first call has loaded
    const std::vector<backend_module> modules = backend_modules();
    ASSERT_FALSE(modules.empty());
    int best   = 0;
    int loaded = 0;
    for (const backend_module & module : modules) {
        if (module.kind == "cpu") {
            best = std::max(best, module.score);
            EXPECT_FALSE(module.reason.empty()) << module.name;
        }
    }
    for (const backend_module & module : modules) {
        if (module.kind == "cpu" && module.loaded) {
            ++loaded;
            EXPECT_EQ(module.score, best);
        }
    }
    EXPECT_EQ(loaded, 1);
}

TEST(Backends, ListsTheCpuAsADeviceWithMemory) {
    load_backends(XLLAMACPP_MODULE_DIR);
    const std::vector<device> found = devices();
    const auto cpu = std::find_if(found.begin(), found.end(), [](const device & d) { return d.type == 0; });
    ASSERT_NE(cpu, found.end());
    EXPECT_GT(cpu->memory_total, 0u);
    EXPECT_LE(cpu->memory_free, cpu->memory_total);
    EXPECT_NE(system_info().find("CPU"), std::string::npos);
}

}  // namespace
