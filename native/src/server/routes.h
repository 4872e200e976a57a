// The one route table: (method, path) -> handler, for the socket and for requests from this process alike.
#pragma once

#include "media/gate.h"
#include "model/facts.h"
#include "requests/adapters.h"
#include "server/request_gate.h"

#include "server-context.h"
#include "server-http.h"
#include "server-mcp.h"
#include "server-stream.h"
#include "server-tools.h"

#include <map>
#include <string>
#include <vector>

namespace xllamacpp {

struct route {
    std::string method;
    std::string path;  ///< A segment such as ":id_slot" matches anything and becomes a parameter.
    handler     handle;
};

/// What is done to the bodies of requests on their way to llama.cpp, and to the chunks of answers; nothing where a
/// filter is missing.
struct request_filters {
    text_filter plain;  ///< Of requests that nothing has to be done to.
    text_filter completion;
    text_filter chat;
    text_filter responses;
    text_filter messages;
    text_filter infill;
    text_filter embeddings;
    text_filter ranking;
    text_filter content;  ///< What is to be made tokens of.
    text_filter tokens;   ///< Tokens that are to be made text of.

    std::function<text_filter()> events;  ///< Of an answer of /v1/responses, made anew for each.
};

/// What a server of one model does. `params`, `model` and `adapters` must outlive the filters.
request_filters model_filters(const common_params & params, const model_facts & model, const adapter_scales & adapters);

/// The streams that a client can take up again; by default those of this process.
struct stream_handlers {
    handler get    = server_stream_make_get_handler();
    handler lookup = server_stream_make_lookup_handler();
    handler end    = server_stream_make_delete_handler();
};

class route_table {
  public:
    /// Fills the table with llama.cpp's handlers. `gate` must outlive it.
    route_table(const common_params & params, const server_routes & server, server_tools & tools, server_mcp & mcp,
                const request_filters & filters, const stream_handlers & streams, request_gate & gate);

    void add(const std::string & method, const std::string & path, const handler & handle,
             const text_filter & body = nullptr, const std::function<text_filter()> & chunks = nullptr);

    const std::vector<route> & routes() const { return routes_; }

    /// Finds the handler of a path (without its query). Path parameters go into `parameters`. Where there is none, the
    /// handler answers 404, or 405 where the path exists with another method.
    handler find(const std::string & method, const std::string & path,
                 std::map<std::string, std::string> & parameters) const;

    /// Opens every route on llama.cpp's HTTP listener too, and what refuses other methods.
    void attach(server_http_context & http) const;

  private:
    /// The methods of a path, as the header "Allow" has them; `path` may be a pattern of the table's own.
    std::string methods_of(const std::string & path) const;

    request_gate &     gate_;
    const media_rules  media_;
    std::vector<route> routes_;
};

/// "a=1&b=x%20y" -> {a: 1, b: "x y"}
std::map<std::string, std::string> parse_query(const std::string & query);

}  // namespace xllamacpp
