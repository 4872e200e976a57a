#include "server/routes.h"

#include "server-common.h"
#include "server-models.h"  // server-cors-proxy.h needs it and does not say so
#include "server-cors-proxy.h"
#include "grammars/constraints.h"
#include "requests/tokens.h"
#include "requests/embeddings.h"
#include "requests/options.h"
#include "requests/response_events.h"
#include "requests/response_items.h"

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

handler wrong_method(const std::string & method, const std::string & allowed) {
    return [method, allowed](const server_http_req & request) {
        auto response =
            error_response("the path " + request.path + " does not take " + method + "; it takes " + allowed,
                           ERROR_TYPE_NOT_FOUND, 405);
        response->headers["Allow"] = allowed;
        return response;
    };
}

void open(const server_http_context & http, const std::string & method, const std::string & path,
          const handler & handle) {
    if (method == "GET") {
        http.get(path, handle);
    } else if (method == "POST") {
        http.post(path, handle);
    } else {
        http.del(path, handle);
    }
}

}  // namespace

void route_table::add(const std::string & method, const std::string & path, const handler & handle,
                      const text_filter & body, const std::function<text_filter()> & chunks) {
    const handler with_media = [this, handle](const server_http_req & request) {
        const media_request whole(media_, request.should_stop);
        return handle(request);
    };
    routes_.push_back({method, path, guarded(gate_, with_media, {body, chunks})});
}

request_filters model_filters(const common_params & params, const model_facts & model,
                              const adapter_scales & adapters) {
    const auto prepared = [&params, &model, &adapters](request_kind kind) -> text_filter {
        return [&params, &model, &adapters, kind](const std::string & body) {
            const std::string mended = mend_options(body, params, model.n_vocab);
            return prepare_constraints(adapters.mend(mended), kind, model);
        };
    };
    const auto tokens_in = [&model](const char * field) -> text_filter {
        return [&model, field](const std::string & body) {
            check_tokens_in(body, {field}, model.n_vocab);
            return body;
        };
    };
    request_filters filters;
    filters.plain      = [](const std::string & body) { return body; };
    filters.completion = prepared(request_kind::completion);
    filters.chat       = prepared(request_kind::chat);
    filters.responses  = [prepare = prepared(request_kind::responses)](const std::string & body) {
        return prepare(mend_response_items(body));
    };
    filters.messages = prepared(request_kind::messages);
    filters.infill   = [completion = filters.completion](const std::string & body) {
        check_infill_body(body);
        return completion(body);
    };
    filters.embeddings = [&model](const std::string & body) {
        check_embeddings(body, model.n_vocab);
        return body;
    };
    filters.ranking = [](const std::string & body) {
        check_rerank(body);
        return body;
    };
    filters.content = tokens_in("content");
    filters.tokens  = tokens_in("tokens");
    filters.events  = [] {
        auto response = std::make_shared<response_events>();
        return [response](const std::string & chunk) { return response->complete(chunk); };
    };
    return filters;
}

route_table::route_table(const common_params & params, const server_routes & server, server_tools & tools,
                         server_mcp & mcp, const request_filters & filters, const stream_handlers & streams,
                         request_gate & gate)
    : gate_(gate), media_(params) {
    const handler disabled = [](const server_http_req &) {
        return error_response("this feature is disabled", ERROR_TYPE_PERMISSION);
    };

    // Generation
    add("POST", "/completion", server.post_completions, filters.completion);
    add("POST", "/completions", server.post_completions, filters.completion);
    add("POST", "/v1/completions", server.post_completions_oai, filters.completion);
    add("POST", "/chat/completions", server.post_chat_completions, filters.chat);
    add("POST", "/v1/chat/completions", server.post_chat_completions, filters.chat);
    add("POST", "/v1/chat/completions/control", server.post_control, filters.plain);
    add("POST", "/responses", server.post_responses_oai, filters.responses, filters.events);
    add("POST", "/v1/responses", server.post_responses_oai, filters.responses, filters.events);
    add("POST", "/v1/messages", server.post_anthropic_messages, filters.messages);
    add("POST", "/audio/transcriptions", server.post_transcriptions_oai, filters.plain);
    add("POST", "/v1/audio/transcriptions", server.post_transcriptions_oai, filters.plain);
    add("POST", "/infill", server.post_infill, filters.infill);

    // Embeddings and reranking
    add("POST", "/embedding", server.post_embeddings, filters.embeddings);
    add("POST", "/embeddings", server.post_embeddings, filters.embeddings);
    add("POST", "/v1/embeddings", server.post_embeddings_oai, filters.embeddings);
    add("POST", "/rerank", server.post_rerank, filters.ranking);
    add("POST", "/reranking", server.post_rerank, filters.ranking);
    add("POST", "/v1/rerank", server.post_rerank, filters.ranking);
    add("POST", "/v1/reranking", server.post_rerank, filters.ranking);

    // Tokens and templates
    add("POST", "/tokenize", server.post_tokenize, filters.content);
    add("POST", "/detokenize", server.post_detokenize, filters.tokens);
    add("POST", "/apply-template", server.post_apply_template, filters.chat);
    add("POST", "/chat/completions/input_tokens", server.post_chat_completions_tok, filters.chat);
    add("POST", "/v1/chat/completions/input_tokens", server.post_chat_completions_tok, filters.chat);
    add("POST", "/responses/input_tokens", server.post_responses_tok_oai, filters.responses);
    add("POST", "/v1/responses/input_tokens", server.post_responses_tok_oai, filters.responses);
    add("POST", "/v1/messages/count_tokens", server.post_anthropic_count_tokens, filters.messages);

    // State
    add("GET", "/health", server.get_health);
    add("GET", "/v1/health", server.get_health);
    add("GET", "/metrics", server.get_metrics);
    add("GET", "/props", server.get_props);
    add("POST", "/props", server.post_props, filters.plain);
    add("GET", "/models", server.get_models);
    add("GET", "/v1/models", server.get_models);
    add("GET", "/lora-adapters", server.get_lora_adapters);
    add("POST", "/lora-adapters", server.post_lora_adapters, filters.plain);
    add("GET", "/slots", server.get_slots);
    add("POST", "/slots/:id_slot", server.post_slots, filters.plain);

    // Streams that a client can take up again
    add("GET", "/v1/stream", streams.get);
    add("POST", "/v1/streams/lookup", streams.lookup, filters.plain);
    add("DELETE", "/v1/stream", streams.end);

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
    for (const route & candidate : routes_) {
        std::map<std::string, std::string> found;
        if (candidate.method == method && matches(candidate.path, path, found)) {
            parameters.insert(found.begin(), found.end());
            return candidate.handle;
        }
    }
    const std::string allowed = methods_of(path);
    if (!allowed.empty()) {
        return wrong_method(method, allowed);
    }
    return [](const server_http_req & request) {
        return error_response("there is no path " + request.path, ERROR_TYPE_NOT_FOUND);
    };
}

std::string route_table::methods_of(const std::string & path) const {
    std::string methods;
    for (const route & candidate : routes_) {
        std::map<std::string, std::string> found;
        if (matches(candidate.path, path, found)) {
            methods += (methods.empty() ? "" : ", ") + candidate.method;
        }
    }
    return methods;
}

void route_table::attach(server_http_context & http) const {
    for (const route & r : routes_) {
        open(http, r.method, r.path, r.handle);
    }
    // Behind all routes: the listener takes the first that fits.
    for (const route & r : routes_) {
        for (const char * method : {"GET", "POST", "DELETE"}) {
            const std::string allowed = methods_of(r.path);
            if (allowed.find(method) == std::string::npos) {
                open(http, method, r.path, wrong_method(method, allowed));
            }
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
