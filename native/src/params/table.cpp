#include "params/table.h"

#include "params/rules.h"
#include "requests/limits.h"
#include "requests/options.h"

#include "arg.h"
#include "xllamacpp/params.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>

namespace xllamacpp {

namespace {

std::string join_path(const std::string & path, const std::string & key) {
    return path.empty() ? key : path + "." + key;
}

std::string range_text(const field & f, bool whole) {
    const auto text = [](double bound) {
        const auto rounded = static_cast<int64_t>(bound);
        return static_cast<double>(rounded) == bound ? std::to_string(rounded) : json(bound).dump();
    };
    std::string out = whole ? "a whole number" : "a number";
    if (f.min && f.max) {
        return out + " from " + text(*f.min) + " to " + text(*f.max);
    }
    return out + (f.min ? " of at least " + text(*f.min) : " of at most " + text(*f.max));
}

/// The environment variable of every flag of llama.cpp's server.
std::map<std::string, std::string> variables_by_flag() {
    common_params                      scratch;
    std::map<std::string, std::string> variables;
    for (const common_arg & option : common_params_parser_init(scratch, LLAMA_EXAMPLE_SERVER).options) {
        for (const std::string & name : option.get_args()) {
            variables[name] = option.env ? option.env : "";
        }
    }
    return variables;
}

}  // namespace

part find_part(const value_type & root, void * value, const std::string & path) {
    part               found = {&root, value};
    std::string        walked;
    std::string        key;
    std::istringstream keys(path);
    while (std::getline(keys, key, '.')) {
        found  = found.type->find(found.value, key, walked);
        walked = join_path(walked, key);
    }
    return found;
}

void write_part(const part & target, const json & given, const std::string & path) {
    if (target.via) {
        target.via->write(target.owner, given, path);
    } else {
        target.type->write(target.value, given, path);
    }
}

void field::write(void * owner, const json & given, const std::string & path) const {
    if (whole && (min || max) && !given.is_number_integer()) {
        // The type would name its own bounds, which are wider.
        refuse(path, given, range_text(*this, true));
    }
    type->write(access(owner), spread(from_text && given.is_string() ? from_text(given) : given, path), path);
    // After the type's own checks, and on what it made of the value: params::set works on a copy, so nothing is lost.
    check_given(given, path);
    check_stored(read(owner), given, path);
    if (after_write) {
        after_write(owner);
    }
}

json field::spread(const json & given, const std::string & path) const {
    if (length == 0 || !given.is_array() || given.size() == length) {
        return given;
    }
    if (given.size() != 1) {
        refuse(path, given, "a list of " + std::to_string(length) + " elements, or of one that counts for all");
    }
    json all = json::array();
    for (size_t i = 0; i < length; ++i) {
        all.push_back(given[0]);
    }
    return all;
}

void field::check_given(const json & given, const std::string & path) const {
    const bool is_real = type == &type_of<float>() || type == &type_of<double>();
    if (is_real && given.is_string() && !(minus_infinite && given == "-inf")) {
        refuse(path, given, minus_infinite ? "a finite number, or minus infinity" : "a finite number");
    }
    if (json_text && given.is_string() && !given.get_ref<const std::string &>().empty() &&
        !json::accept(given.get_ref<const std::string &>())) {
        refuse(path, given, "a text of JSON");
    }
    if (non_empty && given.empty()) {
        refuse(path, given, "a list of at least one element");
    }
    if (json_values) {
        for (const auto & item : given.items()) {
            if (!json::accept(item.value().get_ref<const std::string &>())) {
                refuse(join_path(path, item.key()), item.value(),
                       "a text of JSON, such as true or \"high\" in its quotes");
            }
        }
    }
}

void field::check_stored(const json & stored, const json & given, const std::string & path) const {
    if (stored.is_number()) {
        const double number = stored.get<double>();
        if ((min && number < *min) || (max && number > *max)) {
            refuse(path, given, range_text(*this, stored.is_number_integer()));
        }
        if (above_zero && number <= 0) {
            refuse(path, given, "a number above 0");
        }
        if (non_zero && number == 0) {
            refuse(path, given, "a whole number other than 0");
        }
    }
    if (!choices.empty() && std::find(choices.begin(), choices.end(), stored.get<int64_t>()) == choices.end()) {
        const enumeration & all = enumeration_named(type->describe().at("name").get<std::string>());
        std::string         names;
        for (const int64_t value : choices) {
            names += (names.empty() ? "" : ", ") + std::string(all.by_value(value)->name);
        }
        refuse(path, given, "one of " + names);
    }
}

json field::describe() const {
    json out = {{"name", name}, {"type", type->describe()}, {"doc", doc}};
    for (const auto & [key, text] : {std::pair{"group", group}, {"unit", unit}, {"flag", flag}, {"target", target}}) {
        if (!text.empty()) {
            out[key] = text;
        }
    }
    if (min) {
        out["type"]["min"] = *min;
    }
    if (max) {
        out["type"]["max"] = *max;
    }
    if (!choices.empty()) {
        out["type"]["choices"] = choices;
    }
    if (length) {
        out["type"]["length"] = length;
    }
    for (const auto & [key, value] : {std::pair{"positive", above_zero},
                                      {"non_zero", non_zero},
                                      {"non_empty", non_empty},
                                      {"minus_infinite", minus_infinite},
                                      {"text", static_cast<bool>(from_text)}}) {
        if (value) {
            out["type"][key] = true;
        }
    }
    if (!example.empty()) {
        out["example"] = json::parse(example);
    }
    for (const auto & [key, value] :
         {std::pair{"secret", secret}, {"bookkeeping", bookkeeping}, {"changed", changed}}) {
        if (value) {
            out[key] = true;
        }
    }
    return out;
}

const field * structure_type::field_named(const std::string & wanted) const {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const field & f) { return f.name == wanted; });
    return found == fields.end() ? nullptr : &*found;
}

json structure_type::read(const void * value) const {
    json out = json::object();
    for (const field & f : fields) {
        if (f.target.empty()) {
            out[f.name] = f.read(value);
        }
    }
    return out;
}

void structure_type::write_fields(void * value, const json & given, const std::string & path) const {
    if (!given.is_object()) {
        refuse(path, given, expected());
    }
    // A field that follows from others has the last word where it is given too.
    for (const bool bookkeeping : {false, true}) {
        for (const auto & item : given.items()) {
            const field * f = find(value, item.key(), path).via;
            if (f->bookkeeping == bookkeeping) {
                f->write(value, item.value(), join_path(path, item.key()));
            }
        }
    }
}

json structure_type::describe() const {
    json out = {{"kind", "structure"}, {"name", name}};
    if (takes_text()) {
        out["text"] = true;
    }
    return out;
}

std::string structure_type::expected() const {
    return "an object with fields of " + name + (takes_text() ? ", or a string" : "");
}

part structure_type::find(void * value, const std::string & key, const std::string & path) const {
    if (const field * f = field_named(key)) {
        return {f->type, f->access(value), f, value};
    }
    for (const auto & [member, reason] : omitted) {
        if (member == key) {
            throw parameter_error(join_path(path, key) + ": cannot be set here: " + reason);
        }
    }
    std::vector<std::string> known;
    known.reserve(fields.size());
    for (const field & f : fields) {
        known.push_back(f.name);
    }
    const std::string nearest = nearest_name(key, known);
    throw parameter_error(join_path(path, key) + ": " + name + " has no such field" +
                          (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

std::string params::table() {
    const std::map<std::string, std::string> variables = variables_by_flag();

    json out = {{"structures", json::object()}, {"omitted", json::object()},   {"aliases", json::object()},
                {"enums", json::object()},      {"constants", json::object()}, {"rules", json::array()}};
    for (const structure_type * s : structures()) {
        json & fields = out["structures"][s->name] = json::array();
        json & aliases = out["aliases"][s->name] = json::array();
        for (const field & f : s->fields) {
            json row = f.describe();
            if (!f.flag.empty() && !variables.at(f.flag).empty()) {
                row["env"] = variables.at(f.flag);
            }
            (f.target.empty() ? fields : aliases).push_back(std::move(row));
        }
        json & omitted = out["omitted"][s->name] = json::array();
        for (const auto & [member, reason] : s->omitted) {
            omitted.push_back({{"name", member}, {"reason", reason}});
        }
    }
    for (const enumeration & e : enumerations()) {
        json & values = out["enums"][e.name] = json::object();
        json & words = out["words"][e.name] = json::array();
        for (const enumerator & value : e.values) {
            values[value.name] = value.value;
            if (!value.is_count) {
                words.push_back(value.name);
                words.push_back(e.short_name(value));
            }
        }
    }
    for (const enumerator & constant : constants()) {
        out["constants"][constant.name] = constant.value;
    }
    for (const rule & r : rules()) {
        out["rules"].push_back({{"fields", r.fields}, {"advice", r.advice}});
    }
    for (const auto & [older, today] : older_option_names()) {
        out["request_options"][older] = today;
    }
    for (const auto & [option, parameter] : option_parameters()) {
        out["request_parameters"][option] = parameter;
    }
    return out.dump();
}

}  // namespace xllamacpp
