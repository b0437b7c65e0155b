#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace viridian::config {
namespace {

constexpr std::string_view kPrefix = "VIRIDIAN_";
constexpr size_t kFileMax = size_t{4} << 20;

void set(Loaded& loaded, const Key& key, std::string value, std::string origin) {
  loaded.settings.set(std::string(key.name), std::move(value));
  loaded.origins[std::string(key.name)] = std::move(origin);
}

Error unknown(const std::string& where, std::string_view name, std::string_view nearest) {
  return Error(Code::invalid_argument,
               fmt::format("{}: there is no setting {}; the nearest is {}", where, name, nearest));
}

/// One TOML document on its way into settings.
class FileReader {
 public:
  FileReader(std::string path, Loaded& loaded) : path_(std::move(path)), loaded_(loaded) {}

  Status read() {
    VIRIDIAN_TRY(const std::string text, content());
    const toml::parse_result parsed = toml::parse(text, path_);
    if (!parsed)
      return Error(Code::invalid_argument,
                   fmt::format("{}:{}: not valid TOML: {}", path_,
                               parsed.error().source().begin.line, parsed.error().description()));
    return read_table(parsed.table(), "");
  }

 private:
  Result<std::string> content() const {
    std::error_code ignored;  // opening the file will say
    if (std::filesystem::is_directory(path_, ignored))
      return Error(Code::invalid_argument,
                   fmt::format("cannot read the configuration file {}: it is a directory", path_));
    errno = 0;
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file || file.bad()) {
      const Code code = errno == ENOENT ? Code::not_found : Code::invalid_argument;
      return Error(code, fmt::format("cannot read the configuration file {}: {}", path_,
                                     std::generic_category().message(errno)));
    }
    if (text.view().size() > kFileMax)
      return Error(Code::invalid_argument,
                   fmt::format("{}: a configuration file has at most {} bytes", path_, kFileMax));
    return std::move(text).str();
  }

  Status read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const std::string where = fmt::format("{}:{}", path_, name.source().begin.line);
      if (const toml::table* inner = node.as_table()) {
        VIRIDIAN_TRY_VOID(check_section(key, where));
        VIRIDIAN_TRY_VOID(read_table(*inner, key + "."));
      } else {
        VIRIDIAN_TRY_VOID(read_value(key, node, where));
      }
    }
    return ok_status();
  }

  Status check_section(const std::string& section, const std::string& where) const {
    const auto below = [&](const Key& key) { return key.name.starts_with(section + "."); };
    if (std::any_of(keys().begin(), keys().end(), below)) return ok_status();
    return unknown(where, section, nearest_key(section));
  }

  Status read_value(const std::string& name, const toml::node& node, const std::string& where) {
    const Key* key = find_key(name);
    if (key == nullptr) return unknown(where, name, nearest_key(name));
    const bool number =
        key->type == Type::integer || key->type == Type::bytes || key->type == Type::milliseconds;
    std::string text;
    if (const auto* string = node.as_string()) {
      text = string->get();
    } else if (node.is_integer() && number) {
      text = fmt::format("{}", node.as_integer()->get());
    } else if (node.is_number() && key->type == Type::share) {
      text = fmt::format("{}", *node.value<double>());
    } else if (node.is_boolean() && key->type == Type::boolean) {
      text = node.as_boolean()->get() ? "true" : "false";
    } else {
      return Error(Code::invalid_argument,
                   fmt::format("{}: {} takes {}", where, name, allowed(*key)));
    }
    auto value = normalise(*key, text);
    if (!value.ok()) return value.error().with(where);
    set(loaded_, *key, *std::move(value), "file " + path_);
    return ok_status();
  }

  const std::string path_;
  Loaded& loaded_;
};

Status read_environment(const std::map<std::string, std::string>& environment, Loaded& loaded) {
  for (const auto& [variable, text] : environment) {
    if (!variable.starts_with(kPrefix)) continue;
    const std::string where = "environment " + variable;
    const auto named = [&name = variable](const Key& key) { return variable_of(key.name) == name; };
    const auto key = std::find_if(keys().begin(), keys().end(), named);
    if (key == keys().end()) {
      std::string name = variable.substr(kPrefix.size());
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      return unknown(where, name, variable_of(nearest_key(name)));
    }
    auto value = normalise(*key, text);
    if (!value.ok()) return value.error().with(where);
    set(loaded, *key, *std::move(value), where);
  }
  return ok_status();
}

Status read_flags(const std::map<std::string, std::string>& flags, Loaded& loaded) {
  for (const auto& [name, text] : flags) {
    const std::string where = "flag --" + name;
    const Key* key = find_key(name);
    if (key == nullptr) return unknown(where, name, fmt::format("--{}", nearest_key(name)));
    auto value = normalise(*key, text);
    if (!value.ok()) return value.error().with(where);
    set(loaded, *key, *std::move(value), where);
  }
  return ok_status();
}

}  // namespace

std::string variable_of(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key)
    name.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return name;
}

Result<Loaded> load(const Sources& sources) {
  Loaded loaded;
  loaded.settings = defaults();
  for (const Key& key : keys()) loaded.origins[std::string(key.name)] = "default";
  if (sources.file) VIRIDIAN_TRY_VOID(FileReader(*sources.file, loaded).read());
  VIRIDIAN_TRY_VOID(read_environment(sources.environment, loaded));
  VIRIDIAN_TRY_VOID(read_flags(sources.flags, loaded));
  return loaded;
}

}  // namespace viridian::config
