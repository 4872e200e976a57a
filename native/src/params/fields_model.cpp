// Which model is loaded, and with what beside it.
#include "params/fields.h"

namespace xllamacpp {

// What llama.cpp leaves open counts fully.
template <> common_adapter_lora_info default_of<common_adapter_lora_info>() { return {"", 1.0f, "", "", nullptr}; }
template <> common_control_vector_load_info default_of<common_control_vector_load_info>() { return {1.0f, ""}; }

template <> const structure_type & structure_of<common_params_model>() {
    using self            = common_params_model;
    static const auto all = make_structure<self>("common_params_model", [](structure<self> & s) {
        s.row(FIELD(path), "The model's file, a GGUF. Of a model in several files, the first.",
              {example(R"("model.gguf")")});
        s.row(FIELD(url), "An address to download the file from, where `path` is empty.",
              {example(R"("https://example.org/model.gguf")")});
        s.row(FIELD(hf_repo), "A repository on the Hugging Face Hub, `user/name` or `user/name:quantization`.",
              {example(R"("ggml-org/gemma-3-1b-it-GGUF:Q4_K_M")")});
        s.row(FIELD(hf_file), "The file to take from `hf_repo`. Empty lets the quantization decide.",
              {example(R"("model-Q4_K_M.gguf")")});
        s.row(FIELD(docker_repo), "A model in a Docker registry, `repository/name:tag`.",
              {example(R"("ai/smollm2:135M-Q4_K_M")")});
        s.from_text = [](self & m, const std::string & text, const std::string &) { m.path = text; };
    });
    return all;
}

template <> const structure_type & structure_of<common_adapter_lora_info>() {
    using self            = common_adapter_lora_info;
    static const auto all = make_structure<self>("common_adapter_lora_info", [](structure<self> & s) {
        s.row(FIELD(path), "The adapter's file, a GGUF.", {example(R"("model.gguf")")});
        s.row(FIELD(scale), "How strongly the adapter counts: 0 is not at all, 1 as it was trained.",
              {between(-1000, 1000), example("0.5")});
        s.row(FIELD(task_name), "What the adapter says it is for. Read from the file when it is loaded.");
        s.row(FIELD(prompt_prefix), "What the adapter wants before a prompt. Read from the file when it is loaded.");
        s.omit("ptr", "llama.cpp's own handle of the loaded adapter");
        s.from_text = [](self & a, const std::string & text, const std::string &) { a.path = text; };
    });
    return all;
}

template <> const structure_type & structure_of<common_control_vector_load_info>() {
    using self            = common_control_vector_load_info;
    static const auto all = make_structure<self>("common_control_vector_load_info", [](structure<self> & s) {
        s.row(FIELD(fname), "The control vector's file, a GGUF.", {example(R"("happy.gguf")")});
        s.row(FIELD(strength), "How strongly the vector counts: 0 is not at all, negative turns it around.",
              {between(-1000, 1000), example("-0.5")});
        s.from_text = [](self & v, const std::string & text, const std::string &) { v.fname = text; };
    });
    return all;
}

void describe_model(structure<common_params> & s) {
    using self = common_params;
    s.group("Model and adapters");
    s.row(FIELD(model), "The model to load.", {flag("--model")});
    s.row(FIELD(model_alias), "The names under which the API offers the model. Empty takes the model's own name.",
          {flag("--alias"), example(R"(["my-model"])")});
    s.row(FIELD(model_tags), "Labels that the list of models shows. They select nothing.",
          {flag("--tags"), example(R"(["small", "chat"])")});
    s.row(FIELD(hf_token), "The access token for the Hugging Face Hub.",
          {flag("--hf-token"), secret(), example(R"("hf_...")")});
    s.row(FIELD(offline), "Takes models from the cache only and never opens a connection to fetch one.",
          {flag("--offline")});
    s.row(FIELD(lora_adapters), "LoRA adapters to load beside the model.",
          {flag("--lora"), example(R"([{"path": "adapter.gguf", "scale": 0.5}])")});
    s.row(FIELD(lora_init_without_apply),
          "Loads the adapters with their effect off, until a request or `/lora-adapters` turns it on.",
          {flag("--lora-init-without-apply")});
    s.row(FIELD(control_vectors), "Control vectors to add to the model's layers, all at once.",
          {flag("--control-vector"), example(R"([{"fname": "happy.gguf", "strength": 0.8}])")});
    s.row(FIELD(control_vector_layer_start), "The first layer that control vectors act on. -1 is the model's first.",
          {flag("--control-vector-layer-range"), example("10")});
    s.row(FIELD(control_vector_layer_end), "The last layer that control vectors act on. -1 is the model's last.",
          {flag("--control-vector-layer-range"), example("20")});
    s.row(FIELD(kv_overrides), "Entries of the model's metadata to go by in place of those in its file.",
          {flag("--override-kv"), example(R"(["tokenizer.ggml.add_bos_token=bool:false"])")});
    s.row(FIELD(load_mode),
          "How the file's contents get into memory: mapped, locked, read directly, or as fits the device.",
          {flag("--load-mode")});
    s.row(FIELD(lazy_mode), "Whether the tensors that an architecture marks for it are read from the file when needed.",
          {flag("--lazy-mode")});
    s.row(FIELD(check_tensors), "Looks through every tensor for values that are not numbers. Loading takes longer.",
          {flag("--check-tensors")});
    s.row(FIELD(warmup), "Runs the model once on nothing after loading it, so that the first request is not slower.",
          {flag("--warmup")});
    s.row(FIELD(no_alloc), "Leaves out the memory for the weights: what is loaded can be measured but not run.");
    s.omit("load_progress_callback", "a C function; the server reports its own progress");
    s.omit("load_progress_callback_user_data", "belongs to load_progress_callback");
}

void describe_multimodal(structure<common_params> & s) {
    using self = common_params;
    s.group("Images, audio and video");
    s.row(FIELD(mmproj), "The projector that turns images or audio into what the model reads.", {flag("--mmproj")});
    s.row(FIELD(no_mmproj), "Leaves the projector out that a Hugging Face repository offers with its model.",
          {flag("--no-mmproj")});
    s.row(FIELD(mmproj_use_gpu), "Runs the projector on a GPU where there is one.", {flag("--mmproj-offload")});
    s.row(FIELD(mmproj_device), "The device that runs the projector. Empty follows `devices`.",
          {flag("--mmproj-device"), example(R"("CUDA0")")});
    s.row(FIELD(image_min_tokens),
          "The least that an image takes up, for models that scale images. -1 lets the model say.",
          {unit("tokens"), flag("--image-min-tokens"), at_least(-1), example("64")});
    s.row(FIELD(image_max_tokens),
          "The most that an image takes up, for models that scale images. -1 lets the model say.",
          {unit("tokens"), flag("--image-max-tokens"), at_least(-1), example("1024")});
    s.row(FIELD(mtmd_batch_max_tokens), "How much of several images is encoded at once, at most.",
          {unit("tokens"), flag("--mtmd-batch-max-tokens"), at_least(1), example("512")});
    s.row(FIELD(video_fps), "How many frames of a video the model sees.",
          {unit("frames per second"), flag("--video-fps"), example("2.0")});
    s.row(FIELD(video_timestamp_interval_ms), "How often the time is written between a video's frames.",
          {unit("milliseconds"), flag("--video-timestamp-interval"), example("10000")});
    s.row(FIELD(video_ffmpeg_bin_dir), "The directory with ffmpeg and ffprobe. Empty searches PATH.",
          {flag("--video-ffmpeg-dir"), example(R"("/opt/ffmpeg/bin")")});
    s.row(FIELD(media_path),
          "The directory whose files a request may name by a relative `file://` address. Empty allows none.",
          {flag("--media-path"), example(R"("/srv/media")")});
}

}  // namespace xllamacpp
