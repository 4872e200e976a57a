#include "model/front.h"

#include "model/slot_files.h"

namespace xllamacpp {

namespace {

/// One of llama.cpp's handlers. Each loaded model has its own.
using model_handler = handler server_routes::*;

/// The model's answer, and its hold on the model.
struct model_response : server_http_res {
    std::shared_ptr<loaded_model> model;
    server_http_res_ptr           inner;

    void on_complete() override { inner->on_complete(); }
};

server_http_res_ptr ask(std::shared_ptr<loaded_model> model, model_handler handle, const server_http_req & request) {
    auto response   = std::make_unique<model_response>();
    response->model = std::move(model);
    response->inner = (response->model->handlers.*handle)(request);
    pass_on(*response->inner, *response);
    return response;
}

server_http_res_ptr answer(std::string && data) {
    auto response  = std::make_unique<server_http_res>();
    response->data = std::move(data);
    return response;
}

/// Wakes the model, and keeps it awake until the answer is gone.
handler waking(model_host & host, model_handler handle) {
    return [&host, handle](const server_http_req & request) {
        try {
            std::shared_ptr<loaded_model> model = host.use(request.should_stop);
            return model ? ask(std::move(model), handle, request) : answer("");
        } catch (const model_unavailable & e) {
            return server_http_res_ptr(unavailable_response(e.what()));
        }
    };
}

/// Asks the model where it is awake, and otherwise tells what was noted when it fell asleep.
handler looking(model_host & host, model_handler handle, std::string model_memento::* noted) {
    return [&host, handle, noted](const server_http_req & request) {
        std::shared_ptr<loaded_model> model = host.look();
        return model ? ask(std::move(model), handle, request) : answer(std::move(host.memento().*noted));
    };
}

/// llama.cpp's own metrics begin at zero with each load.
handler metrics(model_host & host, bool is_enabled) {
    return [&host, is_enabled](const server_http_req & request) -> server_http_res_ptr {
        if (!is_enabled) {
            return error_response("the metrics are off; turn them on with endpoint_metrics (--metrics)",
                                  ERROR_TYPE_NOT_SUPPORTED);
        }
        server_task_result_metrics result;
        if (const std::shared_ptr<loaded_model> model = host.look()) {
            server_task task(SERVER_TASK_TYPE_METRICS);
            task.metrics_reset_bucket            = true;
            const server_task_result_ptr counted = model->ask(std::move(task), request.should_stop);
            if (!counted) {
                return answer("");
            }
            result = dynamic_cast<server_task_result_metrics &>(*counted);
        }
        host.add_past_metrics(result.metrics);
        server_http_res_ptr response                 = answer(result.to_metrics());
        response->content_type                       = "text/plain; version=0.0.4";
        response->headers["Process-Start-Time-Unix"] = std::to_string(result.metrics.t_start);
        return response;
    };
}

}  // namespace

model_front::model_front(const common_params & params, model_host & host) : handlers(params, context) {
    for (const model_handler handle : {
             &server_routes::post_props,
             &server_routes::post_infill,
             &server_routes::post_completions,
             &server_routes::post_completions_oai,
             &server_routes::post_chat_completions,
             &server_routes::post_chat_completions_tok,
             &server_routes::post_control,
             &server_routes::post_responses_oai,
             &server_routes::post_responses_tok_oai,
             &server_routes::post_transcriptions_oai,
             &server_routes::post_anthropic_messages,
             &server_routes::post_anthropic_count_tokens,
             &server_routes::post_apply_template,
             &server_routes::post_tokenize,
             &server_routes::post_detokenize,
             &server_routes::post_embeddings,
             &server_routes::post_embeddings_oai,
             &server_routes::post_rerank,
             &server_routes::get_lora_adapters,
             &server_routes::post_lora_adapters,
             &server_routes::get_slots,
             &server_routes::post_slots,
         }) {
        handlers.*handle = waking(host, handle);
    }
    handlers.post_slots  = guarded_slots(params.slot_save_path, handlers.post_slots);
    handlers.get_props   = looking(host, &server_routes::get_props, &model_memento::props);
    handlers.get_models  = looking(host, &server_routes::get_models, &model_memento::models);
    handlers.get_metrics = metrics(host, params.endpoint_metrics);
}

}  // namespace xllamacpp
