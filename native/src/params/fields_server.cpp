// The server around the model: its socket, its endpoints, its caches and its chats.
#include "params/fields.h"

namespace xllamacpp {

void describe_parts(structure<common_params> & s) {
    using self = common_params;
    s.group("Sampling and drafting");
    s.row(FIELD(sampling), "How the next token is chosen where a request does not say.");
    s.row(FIELD(speculative), "How tokens are drafted, to be checked several at a time.");
    s.row(FIELD(antiprompt), "Strings that end an answer where a request names none.",
          {flag("--reverse-prompt"), example(R"(["User:"])")});
    s.row(FIELD(special), "Leaves special tokens visible in answers.", {flag("--special")});
    s.row(FIELD(spm_infill), "Fills in code in the order suffix, prefix, middle, as some models want it.",
          {flag("--spm-infill")});
}

void describe_embedding(structure<common_params> & s) {
    using self = common_params;
    s.group("Embeddings and reranking");
    s.row(FIELD(embedding), "Makes embeddings instead of text. For models that were trained for it.",
          {flag("--embedding")});
    s.row(FIELD(pooling_type), "How the tokens' embeddings become one. Unspecified lets the model say.",
          {flag("--pooling")});
    s.row(FIELD(embd_normalize),
          "How an embedding is scaled: -1 not at all, 0 to the largest 16-bit number, 1 by the sum, 2 to length 1, "
          "above that by the p-norm.",
          {flag("--embd-normalize"), between(-1, 32), example("-1")});
}

// llama.cpp counts it in milliseconds, in 32 bits.
constexpr double longest_idle = 2147483;

void describe_server(structure<common_params> & s) {
    using self = common_params;
    s.group("Server");
    s.row(FIELD(hostnames), "The addresses to listen on: IP addresses, or paths of sockets that end in `.sock`.",
          {flag("--host"), not_empty(), example(R"(["0.0.0.0"])")});
    s.row(FIELD(port),
          "The port to listen on. 0, which is the default here and not in llama.cpp, takes a free one: the server's "
          "`listening_address` names it.",
          {flag("--port"), between(0, 65535), example("8080")});
    s.row(FIELD(reuse_port), "Lets several sockets listen on the port, for several servers that share its requests.",
          {flag("--reuse-port")});
    s.row(FIELD(n_threads_http), "How many threads talk HTTP. -1 goes by the number of slots and of CPUs.",
          {unit("threads"), flag("--threads-http"), between(-1, 1024), not_zero(), example("8")});
    s.row(FIELD(timeout_read), "How long the server waits for a client's next byte.",
          {unit("seconds"), flag("--timeout"), at_least(0), example("600")});
    s.row(FIELD(timeout_write), "How long the server waits for a client to take a byte.",
          {unit("seconds"), flag("--timeout"), at_least(0), example("600")});
    s.row(FIELD(sse_ping_interval), "How often a stream that has nothing to say sends a sign of life. -1 is never.",
          {unit("seconds"), flag("--sse-ping-interval"), at_least(-1), example("10")});
    s.row(FIELD(sleep_idle_seconds),
          "How long nothing may be asked before the model leaves memory, until the next request. -1 keeps it.",
          {unit("seconds"), flag("--sleep-idle-seconds"), between(-1, longest_idle), not_zero(), example("300")});
    s.row(FIELD(api_prefix), "What every path begins with, without a slash at its end.",
          {flag("--api-prefix"), example(R"("/llm")")});
    s.row(FIELD(public_path), "A directory to serve files from, instead of the built-in page.",
          {flag("--path"), example(R"("/srv/www")")});
    s.row(FIELD(ui), "Serves the built-in page.", {flag("--ui")});
    s.row(FIELD(ui_config_json), "What the built-in page has for settings, as JSON.",
          {flag("--ui-config"), is_json(), example(R"("{\"theme\": \"dark\"}")")});
    s.row(FIELD(verbosity),
          "What goes into the log: 0 output only, 1 errors, 2 warnings, 3 information, 4 more, 5 everything.",
          {flag("--verbosity"), at_least(0), example("2")});
    s.row(FIELD(log_json), "Writes the log as JSON. For llama.cpp's own programs.");
    s.row(FIELD(path_prompts_log_dir), "A directory that every prompt is written to. For finding errors.",
          {flag("--log-prompts-dir"), example(R"("/tmp/prompts")")});

    s.group("Access");
    s.row(FIELD(api_keys), "The keys of which a client has to send one. Empty lets everybody in.",
          {flag("--api-key"), secret(), example(R"(["sk-..."])")});
    s.row(FIELD(ssl_file_key), "The private key for HTTPS, a PEM file.",
          {flag("--ssl-key-file"), example(R"("server.key")")});
    s.row(FIELD(ssl_file_cert), "The certificate for HTTPS, a PEM file.",
          {flag("--ssl-cert-file"), example(R"("server.crt")")});
    s.row(FIELD(cors_origins),
          "The origin whose pages browsers may call the server from: one, `localhost` for those of this machine, or "
          "`*` for all.",
          {flag("--cors-origins"), example(R"("https://example.org")")});
    s.row(
        FIELD(cors_origins_explicit),
        "Whether `cors_origins` was chosen. Where it was not, tools and MCP servers narrow `*` down to this machine.");
    s.row(FIELD(cors_methods), "The methods that browsers may use, with commas between.",
          {flag("--cors-methods"), example(R"("GET, POST")")});
    s.row(FIELD(cors_headers), "The headers that browsers may send, with commas between.",
          {flag("--cors-headers"), example(R"("Content-Type, Authorization")")});
    s.row(FIELD(cors_credentials), "Whether browsers may send cookies and keys.", {flag("--cors-credentials")});

    s.group("Endpoints");
    s.row(FIELD(endpoint_slots), "Answers `GET /slots`.", {flag("--slots")});
    s.row(FIELD(endpoint_props), "Lets `POST /props` change settings. Reading them needs nothing.", {flag("--props")});
    s.row(FIELD(endpoint_metrics), "Answers `GET /metrics`, in Prometheus' format.", {flag("--metrics")});

    s.group("Prompt cache");
    s.row(FIELD(cache_prompt), "Computes only what a prompt does not share with the one before it in its slot.",
          {flag("--cache-prompt")});
    s.row(FIELD(n_cache_reuse),
          "How long a passage has to be to be used again at another place of a prompt. 0 uses none.",
          {unit("tokens"), flag("--cache-reuse"), at_least(0), example("256")});
    s.row(FIELD(cache_ram_mib),
          "How much main memory keeps the prompts that left their slots. 0 is none, -1 sets no limit.",
          {unit("MiB"), flag("--cache-ram"), at_least(-1), example("1024")});
    s.row(FIELD(cache_idle_slots), "Moves the prompts of idle slots to main memory when a new request begins.",
          {flag("--cache-idle-slots")});
    s.row(FIELD(n_ctx_checkpoints),
          "How many states a slot keeps to go back to, for models that cannot forget single tokens.",
          {flag("--ctx-checkpoints"), at_least(0), example("8")});
    s.row(FIELD(checkpoint_min_step), "How far such states lie apart, at least.",
          {unit("tokens"), flag("--checkpoint-min-step"), at_least(0), example("1024")});
    s.row(FIELD(slot_prompt_similarity),
          "How much of its prompt a request has to share with a slot to be given that slot. 0 looks at nothing.",
          {flag("--slot-prompt-similarity"), between(0, 1), example("0.5")});
    s.row(FIELD(slot_save_path), "The directory that slots are saved to and restored from. Empty turns that off.",
          {flag("--slot-save-path"), example(R"("/var/cache/slots")")});
}

void describe_chat(structure<common_params> & s) {
    using self = common_params;
    s.group("Chat and reasoning");
    s.row(FIELD(chat_template), "The chat template, or a built-in one's name. Empty takes the model's own.",
          {flag("--chat-template"), example(R"("chatml")")});
    s.row(FIELD(use_jinja), "Runs the template as Jinja. Without it, only the templates that llama.cpp knows work.",
          {flag("--jinja")});
    s.row(FIELD(enable_chat_template), "Uses the chat template at all. For llama.cpp's own programs.");
    s.row(FIELD(default_template_kwargs),
          "Variables for the template, each value a text of JSON. A request may set its own over them.",
          {flag("--chat-template-kwargs"), each_value_is_json(), example(R"({"enable_thinking": "false"})")});
    s.row(FIELD(prefill_assistant), "Continues the assistant's message where a chat ends with one.",
          {flag("--prefill-assistant")});
    s.row(FIELD(force_pure_content_parser), "Leaves answers whole: reasoning and tool calls stay in the content.",
          {flag("--skip-chat-parsing")});
    s.row(FIELD(reasoning_format), "Where an answer's reasoning goes.", {flag("--reasoning-format")});
    s.row(FIELD(enable_reasoning),
          "Whether the model thinks before it answers: 0 no, 1 yes, -1 as the template has it.",
          {flag("--reasoning"), between(-1, 1), example("0")});
    s.row(FIELD(preserve_reasoning_specified),
          "Whether it was said if earlier reasoning stays in the chat. The command line sets it.", {kept_by_us()});
}

void describe_tools(structure<common_params> & s) {
    using self = common_params;
    s.group("Tools and several models");
    s.row(FIELD(server_tools),
          "The built-in tools that a model may call, or `all`. They act on this machine: for trusted clients only.",
          {flag("--tools"), example(R"(["all"])")});
    s.row(FIELD(server_tools_runtime),
          "Where tools run: `docker:image`, `ssh:target` and others. Empty runs them here.",
          {flag("--tools-runtime"), example(R"("docker:python:3.12")")});
    s.row(FIELD(ui_mcp_proxy), "Lets the built-in page reach MCP servers through this one. For trusted clients only.",
          {flag("--ui-mcp-proxy")});
    s.row(FIELD(mcp_servers_config), "A JSON file that defines MCP servers. They run on this machine.",
          {flag("--mcp-servers-config"), example(R"("mcp.json")")});
    s.row(FIELD(mcp_servers_json), "The same definitions, in place of a file.",
          {flag("--mcp-servers-json"), is_json(), example(R"("{\"mcpServers\": {}}")")});
    s.row(FIELD(models_dir), "A directory of models for `xllamacpp serve`, which starts a process for each on request.",
          {flag("--models-dir"), example(R"("/models")")});
    s.row(FIELD(models_preset), "An INI file with settings per model for such a server.",
          {flag("--models-preset"), example(R"("models.ini")")});
    s.row(FIELD(models_preset_hf), "The repository that `models_preset` came from. llama.cpp fills it.",
          {kept_by_us()});
    s.row(FIELD(models_max), "How many models such a server keeps loaded. 0 sets no limit.",
          {flag("--models-max"), at_least(0), example("2")});
    s.row(FIELD(models_autoload), "Loads a model when a request names it.", {flag("--models-autoload")});
}

}  // namespace xllamacpp
