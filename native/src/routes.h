// The one route table: (method, path) -> handler, for the socket and for requests from this process alike.
#pragma once

#include "request_gate.h"

#include "server-context.h"
#include "server-http.h"
#include "server-mcp.h"
#include "server-tools.h"

#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace xllamacpp {

struct route {
    std::string method;
    std::string path;  ///< A segment such as ":id_slot" matches anything and becomes a parameter.
    handler     handle;
};

/// What requests need to know of the model; known once it is loaded.
struct model_facts {
    std::atomic<bool>    reasoning{false};  ///< Whether its chat template thinks before it answers.
    std::atomic<int32_t> n_vocab{0};
};

class route_table {
  public:
    /// Fills the table with llama.cpp's handlers. `params`, `model` and `gate` must outlive it.
    route_table(const common_params & params, server_routes & server, server_tools & tools, server_mcp & mcp,
                const model_facts & model, request_gate & gate);

    const std::vector<route> & routes() const { return routes_; }

    /// Finds the handler of a path (without its query). Path parameters go into `parameters`. Where there is none, the
    /// handler answers 404, or 405 where the path exists with another method.
    handler find(const std::string & method, const std::string & path,
                 std::map<std::string, std::string> & parameters) const;

    /// Opens every route on llama.cpp's HTTP listener too, and what refuses other methods.
    void attach(server_http_context & http) const;

  private:
    void add(const std::string & method, const std::string & path, const handler & handle,
             const text_filter & body = nullptr, const std::function<text_filter()> & chunks = nullptr);

    /// The methods of a path, as the header "Allow" has them; `path` may be a pattern of the table's own.
    std::string methods_of(const std::string & path) const;

    request_gate &     gate_;
    std::vector<route> routes_;
};

/// "a=1&b=x%20y" -> {a: 1, b: "x y"}
std::map<std::string, std::string> parse_query(const std::string & query);

}  // namespace xllamacpp
