// The text of a grammar (GBNF), from left to right: its names, characters and numbers, and where something is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace xllamacpp {

class gbnf_scanner {
  public:
    /// `text` must outlive it.
    explicit gbnf_scanner(const std::string & text) : text_(text) {}

    size_t position() const { return pos_; }
    bool   at_end() const { return pos_ >= text_.size(); }

    /// The character here, or 0 at the end.
    char peek(size_t ahead = 0) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }

    /// Goes past a word if it is here.
    bool take(const char * word);

    /// Goes past blanks and comments, and the ends of lines where `with_lines` is set.
    void skip_space(bool with_lines);

    /// Each of these reads what must begin here. The sizes are those of the text in characters.
    std::string read_name();
    uint64_t    read_number();  ///< UINT64_MAX where it has more digits than it can need.
    size_t      read_quoted();
    size_t      read_set();
    void        read_token();

    /// Throws std::invalid_argument: "grammar: line 2, column 5: ...".
    [[noreturn]] void fail(size_t at, const std::string & problem) const;
    [[noreturn]] void expected(const std::string & what) const;

  private:
    void read_character(size_t start, const char * without_end);

    const std::string & text_;
    size_t              pos_ = 0;
};

bool is_gbnf_digit(char c);
bool is_gbnf_name(char c);

}  // namespace xllamacpp
