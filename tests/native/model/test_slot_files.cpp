#include "model/slot_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#ifndef _WIN32
#    include <sys/stat.h>
#endif

using namespace xllamacpp;

namespace {

namespace fs = std::filesystem;

const std::function<bool()> never_stops = [] { return false; };

class SlotFiles : public testing::Test {
  protected:
    void SetUp() override {
        fs::remove_all(root_);
        fs::create_directories(root_ / "slots" / "folder");
        std::ofstream(root_ / "outside.bin") << "outside";
        folder_ = (root_ / "slots").string() + '/';
    }
    void TearDown() override { fs::remove_all(root_); }

    /// Asks a handler that saves `content_` as llama.cpp would.
    std::string ask(const std::string & action, const std::string & body) {
        const handler slots = guarded_slots(folder_, [&](const server_http_req & request) {
            auto response = std::make_unique<server_http_res>();
            ++handled_;
            if (request.get_param("action") == "save" && status_ == 200) {
                std::ofstream(root_ / "slots" / "a.bin", std::ios::binary) << content_;
            }
            response->status = status_;
            response->data   = "done";
            return response;
        });
        return slots(server_http_req{{{"action", action}}, {}, "", "", body, {}, never_stops})->data;
    }

    std::string refusal(const std::string & action, const std::string & name) {
        try {
            ask(action, R"({"filename": ")" + name + R"("})");
        } catch (const std::invalid_argument & e) {
            return e.what();
        }
        return "";
    }

    std::string saved() {
        EXPECT_EQ(refusal("save", "a.bin"), "");
        std::ifstream file(root_ / "slots" / "a.bin", std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string restored(const std::string & bytes) {
        std::ofstream(root_ / "slots" / "a.bin", std::ios::binary) << bytes;
        return refusal("restore", "a.bin");
    }

    fs::path    root_    = fs::temp_directory_path() / "xllamacpp-slot-files";
    std::string content_ = "the state of a slot";
    int         status_  = 200;
    int         handled_ = 0;
    std::string folder_;
};

TEST_F(SlotFiles, RestoreWhatWasSaved) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{8}, size_t{1} << 20, (size_t{1} << 20) + 3}) {
        content_ = std::string(size, 'x');
        EXPECT_EQ(saved().substr(0, size), content_) << "llama.cpp's part is as it was";
        EXPECT_EQ(refusal("restore", "a.bin"), "") << size;
    }
    EXPECT_EQ(refusal("save", "a.bin"), "");
}

TEST_F(SlotFiles, AreNotRestoredWhereAByteIsDamaged) {
    const std::string whole = saved();
    for (size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] ^= 1;
        EXPECT_NE(restored(damaged).find("is damaged"), std::string::npos) << at;
        EXPECT_NE(restored(whole.substr(0, at)).find("is damaged"), std::string::npos) << at;
    }
    EXPECT_NE(restored(whole + "x").find("is damaged"), std::string::npos);
    EXPECT_EQ(restored(whole), "");
}

TEST_F(SlotFiles, OfOtherServersAreRestoredWhereThatIsWanted) {
    const std::string bare = "as llama-server saves it";
    EXPECT_NE(restored(bare).find("XLLAMACPP_UNSEALED_SLOTS=1"), std::string::npos);
    ASSERT_EQ(setenv("XLLAMACPP_UNSEALED_SLOTS", "1", 1), 0);
    EXPECT_EQ(restored(bare), "");
    EXPECT_NE(refusal("restore", "nothing.bin").find("is not in slot_save_path"), std::string::npos);
    unsetenv("XLLAMACPP_UNSEALED_SLOTS");
}

TEST_F(SlotFiles, AreNotSealedWhereSavingFailed) {
    content_ = "half of it";
    saved();
    std::ofstream(root_ / "slots" / "a.bin") << "h";
    status_ = 500;
    EXPECT_EQ(refusal("save", "a.bin"), "");
    status_ = 200;
    EXPECT_NE(refusal("restore", "a.bin").find("is damaged"), std::string::npos);
}

TEST_F(SlotFiles, AreNoPaths) {
    for (const std::string name : {"../outside.bin", "/tmp/x", "folder/x", "..", ".", "", "a\\\\b", "x..", "c:x"}) {
        for (const std::string action : {"save", "restore"}) {
            EXPECT_NE(refusal(action, name).find("not the name of a file in slot_save_path"), std::string::npos)
                << name;
        }
    }
    EXPECT_EQ(handled_, 0);
}

TEST_F(SlotFiles, ArePlainFiles) {
    EXPECT_NE(refusal("save", "folder").find("not a plain file"), std::string::npos);
    EXPECT_NE(refusal("restore", "folder").find("not a plain file"), std::string::npos);
#ifndef _WIN32
    fs::create_symlink(root_ / "outside.bin", root_ / "slots" / "link");
    fs::create_symlink(root_ / "nothing.bin", root_ / "slots" / "dangling");
    ASSERT_EQ(mkfifo((root_ / "slots" / "pipe").c_str(), 0600), 0);
    for (const char * name : {"link", "dangling", "pipe"}) {
        for (const char * action : {"save", "restore"}) {
            EXPECT_NE(refusal(action, name).find("not a plain file"), std::string::npos) << name;
        }
    }
#endif
    EXPECT_EQ(handled_, 0);
}

TEST_F(SlotFiles, HaveToBeThereToBeRestored) {
    EXPECT_EQ(refusal("restore", "new.bin"), "filename: 'new.bin' is not in slot_save_path");
}

TEST_F(SlotFiles, NeedTheirFolder) {
    fs::remove_all(root_ / "slots");
    EXPECT_THROW(ask("save", R"({"filename": "new.bin"})"), std::runtime_error);
    EXPECT_FALSE(fs::exists(root_ / "slots"));
}

TEST_F(SlotFiles, HaveAName) {
    for (const char * body : {"", "{}", "[]", R"({"filename": 1})"}) {
        EXPECT_THROW(ask("save", body), std::invalid_argument) << body;
    }
}

TEST_F(SlotFiles, LeaveTheRestToLlamaCpp) {
    EXPECT_EQ(ask("erase", ""), "done");
    EXPECT_EQ(ask("nonsense", R"({"filename": "../x"})"), "done");
    folder_ = "";
    EXPECT_EQ(ask("save", R"({"filename": "../x"})"), "done");
}

}  // namespace
