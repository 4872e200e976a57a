#include "routes.h"

#include "server-common.h"
#include "server-models.h"  // server-cors-proxy.h needs it and does not say so
#include "server-cors-proxy.h"
#include "server-stream.h"
#include "request_options.h"
#include "structured_output.h"

#include <sstream>
#include <stdexcept>

namespace xllamacpp {

namespace {

std::vector<std::string> split_path(const std::string & path) {
    std::vector<std::string> segments;
    std::istringstream       stream(path);
    for (std::string segment; std::getline(stream, segment, '/');) {
        if (!segment.empty()) {
            segments.push_back(segment);
        }
    }
    return segments;
}

bool matches(const std::string & pattern, const std::string & path, std::map<std::string, std::string> & parameters) {
    if (pattern.find(':') == std::string::npos) {
        return pattern == path;
    }
    const std::vector<std::string> wanted = split_path(pattern);
    const std::vector<std::string> given  = split_path(path);
    if (wanted.size() != given.size()) {
        return false;
    }
    std::map<std::string, std::string> found;
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i][0] == ':') {
            found[wanted[i].substr(1)] = given[i];
        } else if (wanted[i] != given[i]) {
            return false;
        }
    }
    parameters.insert(found.begin(), found.end());
    return true;
}

std::string decode_query_component(const std::string & text) {
    std::string decoded;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            decoded += ' ';
        } else if (text[i] == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) && isxdigit(text[i + 2])) {
            decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

}  // namespace

void route_table::add(const std::string & method, const std::string & path, const handler & handle,
                      const body_filter & filter) {
    routes_.push_back({method, path, guarded(gate_, handle, filter)});
}

route_table::route_table(const common_params & params, server_routes & server, server_tools & tools, server_mcp & mcp,
                         const model_facts & model, request_gate & gate)
    : gate_(gate) {
    const handler disabled = [](const server_http_req &) {
        return error_response("this feature is disabled", ERROR_TYPE_PERMISSION);
    };

    // Generation
    const body_filter mend = [&params, &model](const std::string & body) {
        return mend_options(body, params, model.n_vocab);
    };
    add("POST", "/completion", server.post_completions, mend);
    add("POST", "/completions", server.post_completions, mend);
    add("POST", "/v1/completions", server.post_completions_oai, mend);
    // Where thoughts come before the JSON, only llama.cpp's own grammar lets them by.
    const body_filter mend_chat = [mend, &model](const std::string & body) {
        return model.reasoning ? mend(body) : schema_to_grammar(mend(body));
    };
    add("POST", "/chat/completions", server.post_chat_completions, mend_chat);
    add("POST", "/v1/chat/completions", server.post_chat_completions, mend_chat);
    add("POST", "/v1/chat/completions/control", server.post_control);
    add("POST", "/responses", server.post_responses_oai, mend);
    add("POST", "/v1/responses", server.post_responses_oai, mend);
    add("POST", "/v1/messages", server.post_anthropic_messages, mend);
    add("POST", "/audio/transcriptions", server.post_transcriptions_oai);
    add("POST", "/v1/audio/transcriptions", server.post_transcriptions_oai);
    add("POST", "/infill", server.post_infill, mend);

    // Embeddings and reranking
    add("POST", "/embedding", server.post_embeddings);
    add("POST", "/embeddings", server.post_embeddings);
    add("POST", "/v1/embeddings", server.post_embeddings_oai);
    add("POST", "/rerank", server.post_rerank);
    add("POST", "/reranking", server.post_rerank);
    add("POST", "/v1/rerank", server.post_rerank);
    add("POST", "/v1/reranking", server.post_rerank);

    // Tokens and templates
    add("POST", "/tokenize", server.post_tokenize);
    add("POST", "/detokenize", server.post_detokenize);
    add("POST", "/apply-template", server.post_apply_template);
    add("POST", "/chat/completions/input_tokens", server.post_chat_completions_tok);
    add("POST", "/v1/chat/completions/input_tokens", server.post_chat_completions_tok);
    add("POST", "/responses/input_tokens", server.post_responses_tok_oai);
    add("POST", "/v1/responses/input_tokens", server.post_responses_tok_oai);
    add("POST", "/v1/messages/count_tokens", server.post_anthropic_count_tokens);

    // State
    add("GET", "/health", server.get_health);
    add("GET", "/v1/health", server.get_health);
    add("GET", "/metrics", server.get_metrics);
    add("GET", "/props", server.get_props);
    add("POST", "/props", server.post_props);
    add("GET", "/models", server.get_models);
    add("GET", "/v1/models", server.get_models);
    add("GET", "/lora-adapters", server.get_lora_adapters);
    add("POST", "/lora-adapters", server.post_lora_adapters);
    add("GET", "/slots", server.get_slots);
    add("POST", "/slots/:id_slot", server.post_slots);

    // Streams that a client can take up again
    add("GET", "/v1/stream", server_stream_make_get_handler());
    add("POST", "/v1/streams/lookup", server_stream_make_lookup_handler());
    add("DELETE", "/v1/stream", server_stream_make_delete_handler());

    // What only the web page uses, each off unless asked for
    add("GET", "/cors-proxy", params.ui_mcp_proxy ? proxy_handler_get : disabled);
    add("POST", "/cors-proxy", params.ui_mcp_proxy ? proxy_handler_post : disabled);
    const bool has_tools = !params.server_tools.empty() || !mcp.empty();
    if (has_tools) {
        tools.setup(params.server_tools, mcp, params.server_tools_runtime);
    }
    add("GET", "/tools", has_tools ? tools.handle_get : disabled);
    add("POST", "/tools", has_tools ? tools.handle_post : disabled);
}

handler route_table::find(const std::string & method, const std::string & path,
                          std::map<std::string, std::string> & parameters) const {
    bool path_exists = false;
    for (const route & candidate : routes_) {
        std::map<std::string, std::string> found;
        if (!matches(candidate.path, path, found)) {
            continue;
        }
        if (candidate.method == method) {
            parameters.insert(found.begin(), found.end());
            return candidate.handle;
        }
        path_exists = true;
    }
    const std::string message =
        path_exists ? "the path " + path + " does not take " + method : "there is no path " + path;
    const int status = path_exists ? 405 : 404;
    return [message, status](const server_http_req &) { return error_response(message, ERROR_TYPE_NOT_FOUND, status); };
}

void route_table::attach(server_http_context & http) const {
    for (const route & r : routes_) {
        if (r.method == "GET") {
            http.get(r.path, r.handle);
        } else if (r.method == "POST") {
            http.post(r.path, r.handle);
        } else {
            http.del(r.path, r.handle);
        }
    }
    http.register_gcp_compat();
}

std::map<std::string, std::string> parse_query(const std::string & query) {
    std::map<std::string, std::string> parameters;
    std::istringstream                 stream(query);
    for (std::string pair; std::getline(stream, pair, '&');) {
        const size_t equals = pair.find('=');
        if (equals != std::string::npos) {
            parameters[decode_query_component(pair.substr(0, equals))] =
                decode_query_component(pair.substr(equals + 1));
        } else if (!pair.empty()) {
            parameters[decode_query_component(pair)] = "";
        }
    }
    return parameters;
}

}  // namespace xllamacpp
