#include "xllamacpp/stream.h"

#include "server/exchange.h"
#include "system/threads.h"

namespace xllamacpp {

/// Cancels when the last handle goes, while the handler's thread keeps the exchange itself alive.
struct stream::owner {
    std::shared_ptr<exchange> shared;
    const home_process        home;

    explicit owner(std::shared_ptr<exchange> e) : shared(std::move(e)) {}
    ~owner() {
        if (home.is_this()) {
            shared->cancel("");
        }
    }
    owner(const owner &)             = delete;
    owner & operator=(const owner &) = delete;
};

stream::stream(std::shared_ptr<exchange> e) : owner_(std::make_shared<owner>(std::move(e))) {}

exchange * stream::live() const { return owner_ && owner_->home.is_this() ? owner_->shared.get() : nullptr; }

pull stream::wait_head(int timeout_ms) {
    exchange * const e = live();
    return e != nullptr ? e->wait_head(timeout_ms) : pull::end;
}

pull stream::next(std::string & chunk, int timeout_ms) {
    exchange * const e = live();
    return e != nullptr ? e->next(chunk, timeout_ms) : pull::end;
}

void stream::cancel() {
    if (live()) {
        live()->cancel("");
    }
}

int         stream::status() const { return live() ? live()->status() : 0; }
std::string stream::content_type() const { return live() ? live()->content_type() : ""; }
bool        stream::is_streamed() const { return live() && live()->is_streamed(); }

std::string stream::error() const {
    if (owner_ && !live()) {
        return "this request belongs to the process that forked this one";
    }
    return live() ? live()->error() : "";
}

std::map<std::string, std::string> stream::headers() const {
    return live() ? live()->headers() : std::map<std::string, std::string>{};
}

}  // namespace xllamacpp
