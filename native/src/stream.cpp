#include "xllamacpp/stream.h"

#include "exchange.h"

namespace xllamacpp {

/// Cancels when the last handle goes, while the handler's thread keeps the exchange itself alive.
struct stream::owner {
    std::shared_ptr<exchange> shared;

    explicit owner(std::shared_ptr<exchange> e) : shared(std::move(e)) {}
    ~owner() { shared->cancel(""); }
    owner(const owner &)             = delete;
    owner & operator=(const owner &) = delete;
};

stream::stream(std::shared_ptr<exchange> e) : owner_(std::make_shared<owner>(std::move(e))) {}

pull stream::wait_head(int timeout_ms) { return owner_ ? owner_->shared->wait_head(timeout_ms) : pull::end; }

pull stream::next(std::string & chunk, int timeout_ms) {
    return owner_ ? owner_->shared->next(chunk, timeout_ms) : pull::end;
}

void stream::cancel() {
    if (owner_) {
        owner_->shared->cancel("");
    }
}

int         stream::status() const { return owner_ ? owner_->shared->status() : 0; }
std::string stream::content_type() const { return owner_ ? owner_->shared->content_type() : ""; }
bool        stream::is_streamed() const { return owner_ && owner_->shared->is_streamed(); }
std::string stream::error() const { return owner_ ? owner_->shared->error() : ""; }

std::map<std::string, std::string> stream::headers() const {
    return owner_ ? owner_->shared->headers() : std::map<std::string, std::string>{};
}

}  // namespace xllamacpp
