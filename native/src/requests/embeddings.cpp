#include "requests/embeddings.h"

#include "params/fields.h"
#include "requests/tokens.h"

#include "base64.hpp"

#include <stdexcept>
#include <vector>

namespace xllamacpp {

namespace {

using nlohmann::ordered_json;

ordered_json parsed(const std::string & body) {
    return ordered_json::parse(body, nullptr, /* allow_exceptions = */ false);
}

bool has(const ordered_json & body, const char * name) { return body.contains(name) && !body[name].is_null(); }

/// The checks of the parameter of that name.
int read_norm(const ordered_json & given) {
    common_params scratch;
    write_part(find_part(structure_of<common_params>(), &scratch, "embd_normalize"), given, "embd_normalize");
    return scratch.embd_normalize;
}

size_t read_dimensions(const ordered_json & given) {
    if (!given.is_number_integer() || given < 1) {
        refuse("dimensions", given, "a whole number of at least 1");
    }
    return given.get<size_t>();
}

ordered_json shorten(const ordered_json & embedding, size_t dimensions, int norm, bool is_base64) {
    auto numbers = embedding.get<std::vector<float>>();
    if (numbers.size() < dimensions) {
        refuse("dimensions", dimensions, "at most " + std::to_string(numbers.size()) + ", which the model has");
    }
    std::vector<float> scaled(dimensions);
    common_embd_normalize(numbers.data(), scaled.data(), static_cast<int>(dimensions), norm);
    if (is_base64) {
        return base64::encode(reinterpret_cast<const char *>(scaled.data()), scaled.size() * sizeof(float));
    }
    return scaled;
}

}  // namespace

void check_embeddings(const std::string & text, int n_vocab) {
    check_tokens_in(text, {"input", "content"}, n_vocab);
    const ordered_json body = parsed(text);
    if (body.is_object() && has(body, "embd_normalize")) {
        read_norm(body["embd_normalize"]);
    }
}

void check_rerank(const std::string & text) {
    const ordered_json body = parsed(text);
    if (body.is_object() && has(body, "top_n")) {
        const ordered_json & top_n = body["top_n"];
        if (!top_n.is_number_integer() || top_n < 0) {
            refuse("top_n", top_n, "how many documents to name, a whole number of at least 0");
        }
    }
}

handler shortened(const handler & embeddings, const common_params & params) {
    return [embeddings, &params](const server_http_req & request) -> server_http_res_ptr {
        ordered_json body = parsed(request.body);
        if (!body.is_object() || !has(body, "dimensions") || !has(body, "input")) {
            return embeddings(request);
        }
        const size_t dimensions = read_dimensions(body["dimensions"]);
        const int    norm = has(body, "embd_normalize") ? read_norm(body["embd_normalize"]) : params.embd_normalize;
        const bool   is_base64 = has(body, "encoding_format") && body["encoding_format"] == "base64";
        if (is_base64) {
            body["encoding_format"] = "float";
        }
        const server_http_req     whole{request.params, request.headers, request.path,       request.query_string,
                                        body.dump(),    request.files,   request.should_stop};
        const server_http_res_ptr answer   = embeddings(whole);
        auto                      response = std::make_unique<server_http_res>();
        response->status                   = answer->status;
        response->headers                  = answer->headers;
        response->data                     = answer->data;
        if (answer->status == 200 && !answer->data.empty()) {
            ordered_json page = ordered_json::parse(answer->data);
            for (ordered_json & item : page["data"]) {
                item["embedding"] = shorten(item["embedding"], dimensions, norm, is_base64);
                if (is_base64) {
                    item["encoding_format"] = "base64";
                }
            }
            response->data = page.dump();
        }
        return response;
    };
}

}  // namespace xllamacpp
