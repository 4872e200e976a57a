// What the tests of the parameters share: what a refusal says.
#pragma once

#include "xllamacpp/params.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>

using json = nlohmann::ordered_json;
using xllamacpp::params;

/// What the exception says; "" where there was none.
template <class Action> std::string refusal_of(Action action) {
    try {
        action();
    } catch (const std::invalid_argument & e) {
        return e.what();
    }
    return "";
}

inline bool has(const std::string & text, const std::string & part) { return text.find(part) != std::string::npos; }
