#include "router/routes.h"

#include "server-common.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <stdexcept>
#include <vector>

namespace xllamacpp {

namespace {

/// llama.cpp's default for a model of the list; it takes 0 for one that is being fetched.
constexpr int stop_timeout_s = 10;

std::unique_ptr<server_http_res> answer(const json & data) {
    auto response  = std::make_unique<server_http_res>();
    response->data = safe_json_to_str(data);
    return response;
}

std::string read_all(server_http_res & response) {
    std::string text = response.data;
    for (bool has_more = response.is_stream(); has_more;) {
        std::string chunk;
        has_more = response.next(chunk);
        text += chunk;
    }
    return text;
}

/// The model whose process has the stream of a conversation; none where it is not there to be asked.
std::optional<std::string> owner_of(server_models & models, const std::string & conversation) {
    const std::optional<std::string> name = models.conv_models.lookup(conversation);
    if (!name) {
        return std::nullopt;
    }
    const std::optional<server_model_meta> meta = models.get_meta(*name);
    return meta && meta->is_ready() ? std::optional<std::string>(meta->name) : std::nullopt;
}

std::vector<std::string> conversations_in(const std::string & body) {
    std::vector<std::string> found;
    const json               request = json::parse(body);
    for (const json & id : json_value(request, "conversation_ids", json::array())) {
        if (id.is_string()) {
            found.push_back(id.get<std::string>());
        }
    }
    return found;
}

/// "org/repo" or "org/repo:quantization".
bool is_repository(const std::string & name) {
    return std::count(name.begin(), name.end(), '/') == 1 && name.front() != '/' && name.back() != '/' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isalnum(c) || c == '/' || c == '-' || c == '_' || c == '.' || c == ':';
           });
}

/// llama.cpp's answer to an unknown name has status 404, in whose place its listener puts one about a missing file.
handler load_model(server_models & models, const handler & load) {
    return [&models, load](const server_http_req & request) -> server_http_res_ptr {
        const std::string name = json_value(json::parse(request.body), "model", std::string());
        if (!models.get_meta(name)) {
            throw std::invalid_argument("model '" + name + "' not found");
        }
        return load(request);
    };
}

/// llama.cpp's router would ask the Hub itself, past the proxies and tokens that all other downloads go by.
handler fetch_model(server_models & models) {
    return [&models](const server_http_req & request) -> server_http_res_ptr {
        const std::string name = json_value(json::parse(request.body), "model", std::string());
        if (!is_repository(name)) {
            throw std::invalid_argument(
                "model: expected a repository on the Hugging Face Hub, org/repo or org/repo:quantization");
        }
        if (models.has_model(name)) {
            throw std::invalid_argument("model '" + name + "' is there already");
        }
        server_model_meta meta;
        meta.source       = SERVER_MODEL_SOURCE_CACHE;
        meta.name         = name;
        meta.stop_timeout = stop_timeout_s;
        models.load(name, {SERVER_CHILD_MODE_DOWNLOAD, meta});
        return answer({{"success", true}});
    };
}

}  // namespace

void pass_on(server_routes & handlers, const server_models_routes & router) {
    for (handler * get : {&handlers.get_metrics, &handlers.get_lora_adapters, &handlers.get_slots}) {
        *get = router.proxy_get;
    }
    for (handler * post : {&handlers.post_props,
                           &handlers.post_completions,
                           &handlers.post_completions_oai,
                           &handlers.post_chat_completions,
                           &handlers.post_control,
                           &handlers.post_responses_oai,
                           &handlers.post_transcriptions_oai,
                           &handlers.post_anthropic_messages,
                           &handlers.post_anthropic_count_tokens,
                           &handlers.post_infill,
                           &handlers.post_embeddings,
                           &handlers.post_embeddings_oai,
                           &handlers.post_rerank,
                           &handlers.post_tokenize,
                           &handlers.post_detokenize,
                           &handlers.post_apply_template,
                           &handlers.post_chat_completions_tok,
                           &handlers.post_responses_tok_oai,
                           &handlers.post_lora_adapters,
                           &handlers.post_slots}) {
        *post = router.proxy_post;
    }
    handlers.get_props  = router.get_router_props;
    handlers.get_models = router.get_router_models;
}

/// llama.cpp's router asks the processes without the client's API key, and at a path without the prefix.
stream_handlers streams_of_models(server_models_routes & router) {
    server_models & models = router.models;
    stream_handlers streams;
    streams.get = [&models, &router](const server_http_req & request) -> server_http_res_ptr {
        const std::optional<std::string> owner = owner_of(models, request.get_param("conv_id"));
        return owner ? models.proxy_request(request, "GET", *owner, false) : router.router_stream_get(request);
    };
    streams.end = [&models, &router](const server_http_req & request) -> server_http_res_ptr {
        const std::string                conversation = request.get_param("conv_id");
        const std::optional<std::string> owner        = owner_of(models, conversation);
        if (!owner) {
            return router.router_stream_delete(request);
        }
        server_http_res_ptr response = models.proxy_request(request, "DELETE", *owner, false);
        models.conv_models.forget(conversation);
        return response;
    };
    streams.lookup = [&models](const server_http_req & request) -> server_http_res_ptr {
        std::map<std::string, json> by_owner;
        for (const std::string & conversation : conversations_in(request.body)) {
            if (const std::optional<std::string> owner = owner_of(models, conversation)) {
                by_owner[*owner].push_back(conversation);
            }
        }
        json found = json::array();
        for (const auto & [owner, conversations] : by_owner) {
            const server_http_req     part{request.params,
                                           request.headers,
                                           request.path,
                                           request.query_string,
                                           safe_json_to_str({{"conversation_ids", conversations}}),
                                           {},
                                           request.should_stop};
            const server_http_res_ptr response = models.proxy_request(part, "POST", owner, false);
            const std::string         text     = read_all(*response);
            // A process that has ended meanwhile has no streams any more.
            if (response->status == 200) {
                for (const json & stream : json::parse(text)) {
                    found.push_back(stream);
                }
            }
        }
        return answer(found);
    };
    return streams;
}

void add_model_routes(route_table & routes, server_models_routes & router) {
    routes.add("POST", "/models/load", load_model(router.models, router.post_router_models_load));
    routes.add("POST", "/models/unload", router.post_router_models_unload);
    routes.add("GET", "/models/sse", router.get_router_models_sse);
    routes.add("POST", "/models", fetch_model(router.models));
    routes.add("DELETE", "/models", router.del_router_models);
}

}  // namespace xllamacpp
