#include "params_rules.h"

#include "params_fields.h"

#include <algorithm>
#include <stdexcept>

namespace xllamacpp {

namespace {

std::string text_of(const common_params & p, const char * path) {
    const part found = find_part(structure_of<common_params>(), const_cast<common_params *>(&p), path);
    return std::string(path) + "=" + found.type->read(found.value).dump();
}

bool is_quantized(ggml_type type) { return ggml_is_quantized(type); }

}  // namespace

const std::vector<rule> & rules() {
    static const std::vector<rule> all = {
        {{"n_ctx"},
         [](const common_params & p) { return p.n_ctx == 1; },
         "a context of one token leaves no room for an answer; set n_ctx to 0 (the model's own), or to the tokens that "
         "prompt and answer need together"},
        {{"cache_type_v", "flash_attn_type"},
         [](const common_params & p) {
             return is_quantized(p.cache_type_v) && p.flash_attn_type == LLAMA_FLASH_ATTN_TYPE_DISABLED;
         },
         "quantized values in the cache need flash attention; set flash_attn_type to LLAMA_FLASH_ATTN_TYPE_ENABLED or "
         "AUTO, or cache_type_v to GGML_TYPE_F16"},
    };
    return all;
}

void check_rules(const common_params & p) {
    for (const rule & r : rules()) {
        if (r.is_broken(p)) {
            std::string values;
            for (const char * path : r.fields) {
                values += (values.empty() ? "" : ", ") + text_of(p, path);
            }
            throw std::invalid_argument(values + ": " + r.advice);
        }
    }
}

}  // namespace xllamacpp
