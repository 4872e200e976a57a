// The server on a real model: the file that XLLAMACPP_TEST_MODEL names.
#pragma once

#include "xllamacpp/backends.h"
#include "xllamacpp/server.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace xllamacpp {

constexpr int patience_ms = 600000;

inline std::string model_path() {
    const char * path = std::getenv("XLLAMACPP_TEST_MODEL");
    if (path == nullptr) {
        throw std::runtime_error("set XLLAMACPP_TEST_MODEL to a GGUF file (`nox -s native_tests` does)");
    }
    return path;
}

inline params test_params(const std::string & model = model_path()) {
    load_backends(XLLAMACPP_MODULE_DIR);
    params p;
    p.set("model.path", '"' + model + '"');
    p.set("n_ctx", "1024");
    p.set("n_parallel", "2");
    p.set("warmup", "false");
    p.set("cpuparams.n_threads", "2");
    return p;
}

struct answer {
    int         status = 0;
    std::string body;
    std::string error;
};

inline answer read(stream s) {
    answer      a;
    std::string chunk;
    if (s.wait_head(patience_ms) == pull::ready) {
        a.status = s.status();
        while (s.next(chunk, patience_ms) == pull::ready) {
            a.body += chunk;
        }
    }
    a.error = s.error();
    return a;
}

inline std::string completion(int n_predict, bool stream) {
    return R"({"prompt": "Once upon a time", "temperature": 0, "n_predict": )" + std::to_string(n_predict) +
           R"(, "stream": )" + (stream ? "true}" : "false}");
}

}  // namespace xllamacpp
