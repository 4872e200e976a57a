// What llama.cpp leaves out of a streamed response's events, and OpenAI's clients need to put the response together.
#pragma once

#include <map>
#include <string>

namespace xllamacpp {

/// The events of one streamed response (`/v1/responses`).
class response_events {
  public:
    /// Takes a chunk of whole events, as llama.cpp sends them, and returns it with the number of each event and the
    /// place of what it is about. Comments and errors stay as they are.
    std::string complete(const std::string & chunk);

  private:
    std::string completed(const std::string & data);
    int         place_of(const std::string & item);

    int                        next_number_ = 0;
    std::map<std::string, int> places_;  // of the items in the response's output, by their ids
};

}  // namespace xllamacpp
