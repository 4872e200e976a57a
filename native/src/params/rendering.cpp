// Parameters as a command line and as an environment.
//
// How llama.cpp spells a value is not written down here: for each field there are a few guesses, and its own options
// say which of them gives just that value and changes nothing else. Where none does, the field is set by its path.
#include "xllamacpp/params.h"

#include "params/command_line.h"
#include "params/fields.h"
#include "params/native.h"

#include "llama.h"
#include "log.h"

#include <algorithm>
#include <sstream>

namespace xllamacpp {

namespace {

/// A field that holds no others, and the flag that sets it alone.
struct leaf {
    std::string   path;
    std::string   flag;
    const field * row;
    size_t        place;  ///< In the list of all of them.
};

void collect_leaves(const structure_type & structure, const std::string & path, const std::string & flag,
                    std::vector<leaf> & leaves) {
    for (const field & f : structure.fields) {
        if (!f.target.empty()) {
            continue;
        }
        const std::string here = path.empty() ? f.name : path + "." + f.name;
        // The flag of a structure sets its first field: --threads is cpuparams.n_threads, --model is model.path.
        const bool        is_first = &f == &structure.fields.front();
        const std::string own      = f.flag.empty() && is_first ? flag : f.flag;
        if (const auto * nested = dynamic_cast<const structure_type *>(f.type)) {
            collect_leaves(*nested, here, own, leaves);
        } else {
            leaves.push_back({here, own, &f, 0});
        }
    }
}

/// The fields that follow from others come last.
std::vector<leaf> all_leaves() {
    std::vector<leaf> leaves;
    collect_leaves(structure_of<common_params>(), "", "", leaves);
    std::stable_partition(leaves.begin(), leaves.end(), [](const leaf & l) { return !l.row->bookkeeping; });
    for (size_t i = 0; i < leaves.size(); ++i) {
        leaves[i].place = i;
    }
    return leaves;
}

/// The value of every leaf.
std::vector<json> read_leaves(const common_params & value, const std::vector<leaf> & leaves) {
    const json        all = structure_of<common_params>().read(&value);
    std::vector<json> values;
    values.reserve(leaves.size());
    for (const leaf & l : leaves) {
        const json *       found = &all;
        std::istringstream keys(l.path);
        for (std::string key; std::getline(keys, key, '.');) {
            found = &found->at(key);
        }
        values.push_back(*found);
    }
    return values;
}

std::string plain_text(const json & value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// A list of a fixed length takes its first elements alone, or one that counts for all.
json shortened(const json & value, const field & row) {
    if (!value.is_array() || value.empty()) {
        return value;
    }
    if (row.length > 0 && std::equal(value.begin() + 1, value.end(), value.begin())) {
        return json::array({value[0]});
    }
    json shorter = value;
    while (row.type->describe().at("kind") == "array" && !shorter.empty() &&
           (shorter.back() == false || shorter.back() == 0)) {
        shorter.erase(shorter.size() - 1);
    }
    return shorter;
}

/// How llama.cpp may write `value`; which of them it is, is tried.
std::vector<std::string> spellings(const json & value, const json & type) {
    std::vector<std::string> texts;
    const auto               add_enumerator = [&](const std::string & enumeration, const json & one) {
        const struct enumeration & e     = enumeration_named(enumeration);
        const enumerator *         found = e.by_value(one.get<int64_t>());
        std::string                name  = found ? e.short_name(*found) : "";
        texts.push_back(name);
        std::replace(name.begin(), name.end(), '_', '-');
        texts.push_back(name);
        for (const char * other : {"on", "off", "auto", "mmap+mlock", "dio"}) {
            texts.emplace_back(other);
        }
    };
    const std::string kind = type.at("kind").get<std::string>();
    if (kind == "enum") {
        add_enumerator(type.at("name").get<std::string>(), value);
    } else if (kind == "boolean") {
        texts = {"on", "off"};
    } else if (value.is_array()) {
        const bool has_enumerators = type.at("of").at("kind") == "enum";
        for (const char * separator : {",", ";"}) {
            std::string all;
            for (const json & one : value) {
                std::string text = plain_text(one);
                if (has_enumerators) {
                    texts.clear();
                    add_enumerator(type.at("of").at("name").get<std::string>(), one);
                    text = texts[1];
                }
                all += (&one == &value.front() ? "" : separator) + text;
            }
            texts.push_back(all);
        }
    } else if (!value.is_object()) {
        texts.push_back(plain_text(value));
    }
    return texts;
}

bool has_any(const std::string & flag, std::initializer_list<const char *> names) {
    return std::find(names.begin(), names.end(), flag) != names.end();
}

const common_arg * option_of(const command_line & line, const leaf & l) {
    // The first makes a directory. The others complain on standard error where there is no GPU.
    const bool is_loud =
        has_any(l.flag, {"--gpu-layers", "--main-gpu", "--split-mode", "--tensor-split", "--spec-draft-ngl"});
    if (l.flag.empty() || l.flag == "--log-prompts-dir" || (is_loud && !llama_supports_gpu_offload())) {
        return nullptr;
    }
    for (const common_arg & option : line.options()) {
        if (has_name(option, l.flag)) {
            return &option;
        }
    }
    return nullptr;
}

/// llama.cpp's handlers set the threshold of the whole process too.
class threshold_keeper {
  public:
    threshold_keeper() = default;
    ~threshold_keeper() { common_log_set_verbosity_thold(found_); }
    threshold_keeper(const threshold_keeper &)             = delete;
    threshold_keeper & operator=(const threshold_keeper &) = delete;

  private:
    int found_ = common_log_get_verbosity_thold();
};

/// Finds settings that turn parameters into those that are wanted, one after the other.
class renderer {
  public:
    renderer(const common_params & wanted, const common_params & from)
        : reached_(from), wanted_values_(read_leaves(wanted, leaves)), reached_values_(read_leaves(from, leaves)) {}

    const json & wanted(const leaf & l) const { return wanted_values_[l.place]; }
    bool         is_reached(const leaf & l) const { return reached_values_[l.place] == wanted(l); }

    /// Tries `apply` on a copy, and keeps the copy where it has what is wanted of the leaf, and nothing anywhere that
    /// is neither as before nor as wanted.
    template <class Apply> bool try_step(const leaf & l, Apply apply) {
        common_params next = reached_;
        try {
            command_line line(next);
            apply(line);
            line.finish();
        } catch (const std::exception &) {
            return false;
        }
        std::vector<json> values = read_leaves(next, leaves);
        for (const leaf & one : leaves) {
            const json & value = values[one.place];
            if (value != wanted(one) && (one.place == l.place || value != reached_values_[one.place])) {
                return false;
            }
        }
        reached_        = std::move(next);
        reached_values_ = std::move(values);
        return true;
    }

    /// Sets a value by its path, whatever else that may change: later steps set that right.
    void set(const leaf & l) {
        write_part(find_part(structure_of<common_params>(), &reached_, l.path), wanted(l), l.path);
        reached_values_ = read_leaves(reached_, leaves);
    }

    const std::vector<leaf> leaves = all_leaves();

  private:
    common_params     reached_;
    std::vector<json> wanted_values_;
    std::vector<json> reached_values_;
};

std::vector<std::string> render_flag(renderer & r, const common_arg & option, const leaf & l) {
    const auto try_words = [&](const std::vector<std::string> & words) {
        return r.try_step(l, [&](command_line & line) { line.apply_arguments(words); });
    };
    if (option.handler_bool || option.handler_void) {
        for (const auto & names : {option.args, option.args_neg}) {
            if (!names.empty() && try_words({names.back()})) {
                return {names.back()};
            }
        }
        return {};
    }
    for (const std::string & text : spellings(r.wanted(l), l.row->type->describe())) {
        if (try_words({option.args.back(), text})) {
            return {option.args.back(), text};
        }
    }
    return {};
}

common_params after_nothing() {
    common_params base = default_of<common_params>();
    command_line(base).take_server_defaults();
    return base;
}

}  // namespace

std::vector<std::string> params::to_arguments() const {
    const threshold_keeper   keeper;
    common_params            base = after_nothing();
    const command_line       line(base);
    renderer                 r(native_->value, base);
    std::vector<std::string> arguments;
    for (const leaf & l : r.leaves) {
        if (r.is_reached(l)) {
            continue;
        }
        const common_arg *       option = option_of(line, l);
        std::vector<std::string> words  = option ? render_flag(r, *option, l) : std::vector<std::string>();
        if (words.empty()) {
            r.set(l);
            words = {"--set", l.path + "=" + shortened(r.wanted(l), *l.row).dump()};
        }
        arguments.insert(arguments.end(), words.begin(), words.end());
    }
    return arguments;
}

std::map<std::string, std::string> params::to_environment() const {
    const threshold_keeper             keeper;
    common_params                      base = after_nothing();
    const command_line                 line(base);
    renderer                           r(native_->value, base);
    std::map<std::string, std::string> environment;
    for (const leaf & l : r.leaves) {
        const common_arg * option = r.is_reached(l) ? nullptr : option_of(line, l);
        if (!option || !option->env) {
            continue;
        }
        for (const std::string & text : spellings(r.wanted(l), l.row->type->describe())) {
            if (r.try_step(l, [&](command_line & one) { one.apply_environment({{option->env, text}}); })) {
                environment[option->env] = text;
                break;
            }
        }
    }
    json rest = json::object();
    for (const leaf & l : r.leaves) {
        if (!r.is_reached(l)) {
            r.set(l);
            rest[l.path] = shortened(r.wanted(l), *l.row);
        }
    }
    if (!rest.empty()) {
        environment["XLLAMACPP_SET"] = rest.dump();
    }
    return environment;
}

}  // namespace xllamacpp
