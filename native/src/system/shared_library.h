// A shared library that is opened by its path, and what the dynamic linker says where that fails.
#pragma once

#include <filesystem>
#include <string>

namespace xllamacpp {

/// It is closed with this object; its functions are gone then.
class shared_library {
  public:
    explicit shared_library(const std::filesystem::path & file);
    ~shared_library();
    shared_library(const shared_library &)             = delete;
    shared_library & operator=(const shared_library &) = delete;

    /// Why it could not be opened, in the dynamic linker's words; empty where it is open.
    const std::string & problem() const { return problem_; }

    /// The function of this name; nullptr where there is none. The caller knows its type.
    template <class function> function * find(const char * name) const {
        return reinterpret_cast<function *>(find_address(name));
    }

  private:
    void * find_address(const char * name) const;

    void *      handle_;
    std::string problem_;
};

}  // namespace xllamacpp
