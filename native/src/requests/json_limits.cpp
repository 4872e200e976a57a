#include "requests/json_limits.h"

#include <cstddef>
#include <stdexcept>
#include <vector>

namespace xllamacpp {

namespace {

constexpr size_t most_levels = 200;
constexpr size_t most_values = 4000000;  // a tenth of a kilobyte each, once parsed
// An object of n members takes n²/2 of them.
constexpr size_t most_members     = 10000;
constexpr size_t most_comparisons = most_members * most_members / 2;

class meter {
  public:
    explicit meter(const std::string & what) : what_(what) {}

    void open() {
        members_.push_back(0);
        if (members_.size() > most_levels) {
            throw std::invalid_argument(what_ + " nests its objects and lists deeper than " +
                                        std::to_string(most_levels) + " levels");
        }
        value();
    }

    void close() {
        if (!members_.empty()) {
            members_.pop_back();
        }
    }

    void member() {
        if (members_.empty()) {
            return;
        }
        comparisons_ += members_.back()++;
        if (comparisons_ > most_comparisons) {
            throw std::invalid_argument(what_ + " has objects with too many members: " + std::to_string(most_members) +
                                        " in one object, or fewer in each of several, is the limit");
        }
    }

    void value() {
        if (++values_ > most_values) {
            throw std::invalid_argument(what_ + " is made of more than " + std::to_string(most_values) + " values");
        }
    }

  private:
    const std::string & what_;
    std::vector<size_t> members_;  // of each object that is open; 0 for a list
    size_t              comparisons_ = 0;
    size_t              values_      = 0;
};

}  // namespace

void check_json_limits(const std::string & text, const std::string & what) {
    meter m(what);
    for (size_t i = 0; i < text.size(); ++i) {
        switch (text[i]) {
            case '{':
            case '[': m.open(); break;
            case '}':
            case ']': m.close(); break;
            case ':': m.member(); break;
            case ',': m.value(); break;
            case '"':
                for (++i; i < text.size() && text[i] != '"'; ++i) {
                    i += text[i] == '\\';
                }
                break;
            default: break;
        }
    }
}

}  // namespace xllamacpp
