// The gate for images, sounds and videos in requests.
//
// core.cmake compiles llama.cpp's server-common.cpp with four names changed: where it would fetch, open, decode or
// tokenize media, it calls the functions of media/gate.cpp, which check first. So there is no kind of request, and no
// spelling of one, that goes round the gate.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

struct common_params;

namespace xllamacpp {

/// Where media may come from, besides the request itself, and what the server can take of them.
struct media_rules {
    explicit media_rules(const common_params & params);

    std::string              folder;  ///< Whose files a request may name by file://. Empty: none.
    std::vector<std::string> hosts;   ///< Which may be asked for media: XLLAMACPP_MEDIA_HOSTS. Empty: none.
    int32_t                  n_ubatch;
};

/// What its thread decodes while it lives belongs to one request.
class media_request {
  public:
    /// Both must outlive it.
    media_request(const media_rules & rules, const std::function<bool()> & should_stop);
    ~media_request();
    media_request(const media_request &)             = delete;
    media_request & operator=(const media_request &) = delete;

    void count_image(const unsigned char * data, size_t size);
    void count_sound(const unsigned char * data, size_t size, int rate);

    const media_rules &           rules;
    const std::function<bool()> & should_stop;

  private:
    int64_t  pixels_  = 0;
    uint64_t samples_ = 0;
};

}  // namespace xllamacpp
