#include "grammars/gbnf_scanner.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace xllamacpp {

namespace {

bool is_hexadecimal(char c) { return is_gbnf_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Of the bytes of a character in UTF-8, one after the first.
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

bool is_gbnf_digit(char c) { return c >= '0' && c <= '9'; }

bool is_gbnf_name(char c) { return is_gbnf_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }

void gbnf_scanner::fail(size_t at, const std::string & problem) const {
    const std::string before  = text_.substr(0, at);
    const size_t      newline = before.rfind('\n');
    const size_t      column  = newline == std::string::npos ? before.size() : before.size() - newline - 1;
    throw std::invalid_argument("grammar: line " + std::to_string(std::count(before.begin(), before.end(), '\n') + 1) +
                                ", column " + std::to_string(column + 1) + ": " + problem);
}

void gbnf_scanner::expected(const std::string & what) const {
    std::string found = "'" + std::string(1, peek()) + "'";
    if (at_end()) {
        found = "the end of the grammar";
    } else if (peek() == '\n' || peek() == '\r') {
        found = "the end of the line";
    }
    fail(pos_, "expected " + what + ", found " + found);
}

bool gbnf_scanner::take(const char * word) {
    const bool is_here = text_.compare(pos_, std::strlen(word), word) == 0;
    pos_ += is_here ? std::strlen(word) : 0;
    return is_here;
}

void gbnf_scanner::skip_space(bool with_lines) {
    while (!at_end()) {
        const char c = peek();
        if (c == '#') {
            pos_ = std::min(text_.find_first_of("\r\n", pos_), text_.size());
        } else if (c == ' ' || c == '\t' || (with_lines && (c == '\r' || c == '\n'))) {
            ++pos_;
        } else {
            return;
        }
    }
}

std::string gbnf_scanner::read_name() {
    const size_t start = pos_;
    while (is_gbnf_name(peek())) {
        ++pos_;
    }
    if (pos_ == start) {
        expected("the name of a rule");
    }
    return text_.substr(start, pos_ - start);
}

uint64_t gbnf_scanner::read_number() {
    const size_t start = pos_;
    while (is_gbnf_digit(peek())) {
        ++pos_;
    }
    if (pos_ == start) {
        expected("a number");
    }
    constexpr size_t digits = 9;
    return pos_ - start > digits ? UINT64_MAX : std::stoull(text_.substr(start, pos_ - start));
}

size_t gbnf_scanner::read_quoted() {
    const size_t start = pos_++;
    size_t       size  = 0;
    for (; peek() != '"'; ++size) {
        read_character(start, "a quoted text begins here and has no end");
    }
    ++pos_;
    return size;
}

size_t gbnf_scanner::read_set() {
    const size_t start = pos_++;
    pos_ += peek() == '^' ? 1 : 0;
    size_t size = 0;
    for (; peek() != ']'; ++size) {
        read_character(start, "a set of characters begins here and has no end");
        if (peek() == '-' && peek(1) != ']') {
            ++pos_;
        }
    }
    ++pos_;
    return size;
}

void gbnf_scanner::read_character(size_t start, const char * without_end) {
    if (at_end()) {
        fail(start, without_end);
    }
    if (peek() != '\\') {
        do {
            ++pos_;
        } while (is_continuation(peek()));
        return;
    }
    const char   kind   = peek(1);
    const size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0 && (kind == '\0' || std::strchr("trn\\\"[]-", kind) == nullptr)) {
        fail(pos_, "there is no such escape; there are \\t \\r \\n \\\\ \\\" \\[ \\] \\- \\xNN \\uNNNN \\UNNNNNNNN");
    }
    for (size_t i = 0; i < digits; ++i) {
        if (!is_hexadecimal(peek(2 + i))) {
            fail(pos_, "expected " + std::to_string(digits) + " hexadecimal digits after \\" + kind);
        }
    }
    pos_ += 2 + digits;
}

void gbnf_scanner::read_token() {
    const size_t start = pos_;
    take("!");
    if (!take("<")) {
        expected("a token: <name>, or <[number]>");
    }
    if (take("[")) {
        read_number();
        if (!take("]>")) {
            expected("]> after the number of a token");
        }
        return;
    }
    const size_t end = text_.find('>', pos_);
    if (end == std::string::npos) {
        fail(start, "a token begins here and has no end: expected >");
    }
    pos_ = end + 1;
}

}  // namespace xllamacpp
