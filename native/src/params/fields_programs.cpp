// What only llama.cpp's other programs read. A server passes it by; it is here so that no name is missing.
#include "params/fields.h"

namespace xllamacpp {

template <> const structure_type & structure_of<common_params_diffusion>() {
    using self            = common_params_diffusion;
    static const auto all = make_structure<self>("common_params_diffusion", [](structure<self> & s) {
        s.row(FIELD(steps), "How many steps the text takes to become clear.");
        s.row(FIELD(visual_mode), "Shows the text while it becomes clear.");
        s.row(FIELD(eps), "The smallest time step. 0 divides into blocks instead.");
        s.row(FIELD(block_length), "How long a block is. 0 goes by time steps instead.", {unit("tokens")});
        s.row(FIELD(algorithm),
              "Which tokens become clear first: 0 by origin, 1 entropy, 2 margin, 3 chance, 4 confidence.");
        s.row(FIELD(alg_temp), "How much chance there is in that.");
        s.row(FIELD(cfg_scale), "How strongly the prompt guides the text. 0 is off.");
        s.row(FIELD(add_gumbel_noise), "Adds Gumbel noise where the temperature is above 0.");
    });
    return all;
}

template <> const structure_type & structure_of<lr_opt>() {
    using self            = lr_opt;
    static const auto all = make_structure<self>("lr_opt", [](structure<self> & s) {
        s.row(FIELD(lr0), "The learning rate to begin with.");
        s.row(FIELD(lr_min), "The learning rate to end with. Negative keeps the first.");
        s.row(FIELD(decay_epochs), "After how many epochs `lr_min` is reached. Negative takes all of them.",
              {unit("epochs")});
        s.row(FIELD(scale_epoch), "How fast the rate falls. llama.cpp works it out.", {kept_by_us()});
        s.row(FIELD(wd), "The weight decay. 0 is none.");
        s.row(FIELD(epochs), "How often the data is gone through.", {unit("epochs")});
        s.omit("epoch", "where training stands, which llama.cpp counts itself");
    });
    return all;
}

void describe_other_programs(structure<common_params> & s) {
    using self = common_params;
    s.group("Other programs: prompts and terminal");
    s.row(FIELD(prompt), "The prompt of a program that answers one.");
    s.row(FIELD(system_prompt), "The system prompt of such a program.");
    s.row(FIELD(prompt_file), "The file that the prompt came from.");
    s.row(FIELD(path_prompt_cache), "A file that keeps the state of a prompt from run to run.");
    s.row(FIELD(prompt_cache_all), "Keeps the answers in that file too.");
    s.row(FIELD(prompt_cache_ro), "Never changes that file.");
    s.row(FIELD(input_prefix), "What is put before everything typed.");
    s.row(FIELD(input_suffix), "What is put after everything typed.");
    s.row(FIELD(input_prefix_bos), "Puts the token that begins a text before everything typed.");
    s.row(FIELD(image), "Media files for a prompt.");
    s.row(FIELD(escape), "Turns `\\n` and the like into what they stand for when a command line is read.",
          {flag("--escape")});
    s.row(FIELD(conversation_mode), "Whether a program chats.");
    s.row(FIELD(single_turn), "Ends a chat after one answer.");
    s.row(FIELD(interactive), "Reads from the terminal.");
    s.row(FIELD(interactive_first), "Reads from the terminal before anything is generated.");
    s.row(FIELD(multiline_input), "Takes a line's end for the end of the input only after a backslash.");
    s.row(FIELD(simple_io), "Does without what only a full terminal can do.");
    s.row(FIELD(use_color), "Colours what is typed. llama.cpp sets it where there is a terminal.");
    s.row(FIELD(verbose_prompt), "Prints the prompt's tokens.");
    s.row(FIELD(display_prompt), "Prints the prompt.");
    s.row(FIELD(show_timings), "Prints times after an answer.");
    s.row(FIELD(no_perf), "Measures no times.", {flag("--no-perf")});
    s.row(FIELD(n_print), "Prints the count of tokens this often. -1 is never.", {unit("tokens")});
    s.row(FIELD(server_base), "The address of a server to talk to instead of loading a model.");
    s.row(FIELD(usage), "Prints the help.");
    s.row(FIELD(completion), "Prints a script for the shell's completion.");
    s.row(FIELD(is_gen_docs), "Set while llama.cpp writes its own reference.");
    s.row(FIELD(grp_attn_n), "Self-extend: the factor of grouped attention.");
    s.row(FIELD(grp_attn_w), "Self-extend: the width of grouped attention.", {unit("tokens")});

    s.group("Other programs: measuring models");
    s.row(FIELD(logits_file), "The file of all logits that a divergence is measured against.");
    s.row(FIELD(n_chunks), "How many pieces of a text are measured. -1 is all.");
    s.row(FIELD(n_sequences), "How many sequences are generated.");
    s.row(FIELD(ppl_stride), "How far the window moves for perplexity. 0 moves it by its length.", {unit("tokens")});
    s.row(FIELD(ppl_output_type), "How perplexity is printed: 0 as a list, 1 as a table.");
    s.row(FIELD(hellaswag), "Measures by HellaSwag.");
    s.row(FIELD(hellaswag_tasks), "How many of its tasks are taken.");
    s.row(FIELD(winogrande), "Measures by Winogrande.");
    s.row(FIELD(winogrande_tasks), "How many of its tasks are taken. 0 is all.");
    s.row(FIELD(multiple_choice), "Measures by questions with several answers.");
    s.row(FIELD(multiple_choice_tasks), "How many of them are taken. 0 is all.");
    s.row(FIELD(kl_divergence), "Measures the divergence from `logits_file`.");
    s.row(FIELD(check), "Compares results instead of writing them.");
    s.row(FIELD(save_logits), "Writes the last logits to files.");
    s.row(FIELD(logits_output_dir), "The directory for those files.");
    s.row(FIELD(tensor_filter), "Regular expressions for the tensors to print.");
    s.row(FIELD(is_pp_shared), "Benchmark: all sequences share one prompt.");
    s.row(FIELD(is_tg_separate), "Benchmark: sequences generate one after the other.");
    s.row(FIELD(n_pp), "Benchmark: the prompts' lengths.", {unit("tokens")});
    s.row(FIELD(n_tg), "Benchmark: how much is generated.", {unit("tokens")});
    s.row(FIELD(n_pl), "Benchmark: how many prompts run side by side.");
    s.row(FIELD(batched_bench_output_jsonl), "Benchmark: prints JSON lines.");
    s.row(FIELD(n_junk), "Passkey test: how often the filler is repeated.");
    s.row(FIELD(i_pos), "Passkey test: where the key stands. -1 is anywhere.");

    s.group("Other programs: texts, tokens and speech");
    s.row(FIELD(embd_out), "How the embedding program prints: empty, `array`, `json`, `json+` or `raw`.");
    s.row(FIELD(embd_sep), "What separates texts for the embedding program.");
    s.row(FIELD(cls_sep), "What separates the texts of a pair for the embedding program.");
    s.row(FIELD(context_files), "The files that the retrieval program searches.");
    s.row(FIELD(chunk_size), "How long its pieces are, at least.", {unit("characters")});
    s.row(FIELD(chunk_separator), "What separates its pieces.");
    s.row(FIELD(parse_special), "Reads special tokens in a text as such.");
    s.row(FIELD(tokenize_ids), "Prints ids only.");
    s.row(FIELD(tokenize_stdin), "Reads the text from standard input.");
    s.row(FIELD(tokenize_no_bos), "Leaves out the token that begins a text.");
    s.row(FIELD(tokenize_show_count), "Prints how many tokens there are.");
    s.row(FIELD(tts_lang), "The language to speak, by its ISO 639-1 code.");
    s.row(FIELD(tts_speaker_file), "The file of the voice to speak with.");

    s.group("Other programs: making models");
    s.row(FIELD(diffusion), "How a diffusion model makes text.");
    s.row(FIELD(lr), "The learning rate for training.");
    s.row(FIELD(optimizer), "The optimizer for training.");
    s.row(FIELD(val_split), "What part of the data checks the training.", {between(0, 1)});
    s.row(FIELD(in_files), "The files to read.");
    s.row(FIELD(out_file), "The file to write.");
    s.row(FIELD(n_out_freq), "Importance matrix: how often it is written.");
    s.row(FIELD(n_save_freq), "Importance matrix: how often a copy is kept. 0 is never.");
    s.row(FIELD(i_chunk), "Importance matrix: the piece to begin with.");
    s.row(FIELD(imat_dat), "Importance matrix: above 0 writes the old format, below 0 GGUF.");
    s.row(FIELD(process_output), "Importance matrix: takes in the output tensor.");
    s.row(FIELD(compute_ppl), "Importance matrix: measures perplexity too.");
    s.row(FIELD(show_statistics), "Importance matrix: prints statistics per tensor.");
    s.row(FIELD(n_pca_batch), "Control vectors: the batch of the principal component analysis.");
    s.row(FIELD(n_pca_iterations), "Control vectors: how many rounds that analysis takes.");
    s.row(FIELD(cvector_dimre_method), "Control vectors: how dimensions are reduced.");
    s.row(FIELD(cvector_positive_file), "Control vectors: the file of prompts to move towards.");
    s.row(FIELD(cvector_negative_file), "Control vectors: the file of prompts to move away from.");
}

}  // namespace xllamacpp
