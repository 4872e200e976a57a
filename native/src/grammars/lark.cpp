#include "grammars/lark.h"

#include "requests/json_limits.h"
#include "grammars/schema_limits.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <stdexcept>

namespace xllamacpp {

namespace {

constexpr const char * header = "%llguidance";

constexpr size_t most_text  = 1100000;  // the longest schema, and some
constexpr size_t most_parts = 1000;     // LLGuidance follows rules and groups on the stack

class reader {
  public:
    explicit reader(const std::string & text) : text_(text) {}

    void run() {
        if (text_.size() > most_text) {
            throw std::invalid_argument("grammar: is too long; at most " + std::to_string(most_text) + " characters");
        }
        while (pos_ < text_.size()) {
            read();
        }
    }

  private:
    bool is_here(const char * word) const { return text_.compare(pos_, std::strlen(word), word) == 0; }

    void read() {
        if (is_here("//")) {
            pos_ = std::min(text_.find('\n', pos_), text_.size());
            return;
        }
        if (is_here("%json")) {
            pos_ += std::strlen("%json");
            read_schema();
            return;
        }
        switch (text_[pos_]) {
            case '"':
            case '/': skip_quoted(text_[pos_]); return;
            case ':':
            case '(':
            case '[': count(); break;
            case '&': refuse("&");
            case '~':
                // With a number it repeats.
                if (text_.find_first_of("+-0123456789", pos_) != text_.find_first_not_of(" \t", pos_ + 1)) {
                    refuse("~");
                }
                break;
            default: break;
        }
        ++pos_;
    }

    [[noreturn]] void refuse(const std::string & mark) const {
        throw std::invalid_argument(
            "grammar: line " +
            std::to_string(std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(pos_), '\n') + 1) +
            ": " + mark + " is not taken in a request, as nobody can say what it will cost; a " +
            "server's own parameter sampling.grammar may have it");
    }

    void count() {
        if (++parts_ > most_parts) {
            throw std::invalid_argument("grammar: has too many rules and groups; at most " +
                                        std::to_string(most_parts));
        }
    }

    void skip_quoted(char quote) {
        for (++pos_; pos_ < text_.size() && text_[pos_] != quote; ++pos_) {
            pos_ += text_[pos_] == '\\' ? 1 : 0;
        }
        ++pos_;
    }

    void read_schema() {
        const size_t start = std::min(text_.find('{', pos_), text_.size());
        size_t       level = 0;
        for (pos_ = start; pos_ < text_.size(); ++pos_) {
            if (text_[pos_] == '"') {
                skip_quoted('"');
                --pos_;
            } else if (text_[pos_] == '{') {
                ++level;
            } else if (text_[pos_] == '}' && --level == 0) {
                ++pos_;
                break;
            }
        }
        const std::string schema = text_.substr(start, pos_ - start);
        check_json_limits(schema, "grammar: the schema after %json");
        const json parsed = json::parse(schema, nullptr, /* allow_exceptions = */ false);
        if (parsed.is_object()) {
            check_schema_limits(parsed, "grammar", schema_target::llguidance);
        }
    }

    const std::string & text_;
    size_t              pos_   = 0;
    size_t              parts_ = 0;
};

}  // namespace

bool is_lark(const std::string & grammar) { return grammar.rfind(header, 0) == 0; }

void check_lark_limits(const std::string & grammar) { reader(grammar).run(); }

}  // namespace xllamacpp
