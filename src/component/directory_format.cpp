#include <fmt/format.h>

#include <charconv>

#include "base/crc32c.h"
#include "component/data_directory.h"

namespace viridian::local {
namespace {

constexpr std::string_view kTitle = "viridian data directory";

Error bad(std::string_view what) { return Error(Code::data_loss, std::string(what)); }

/// Takes the line "<name><value>" off the text's beginning.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name)) return std::nullopt;
  const std::string_view value = text.substr(name.size(), end - name.size());
  text.remove_prefix(end + 1);
  return value;
}

std::optional<uint32_t> number(const std::optional<std::string_view>& text, int base = 10) {
  uint32_t value = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value, base);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

}  // namespace

std::string write_directory_format(const DirectoryFormat& format) {
  std::string text = fmt::format("{}\nversion {}\nneeds {}\ncreated by {}\n", kTitle,
                                 format.version, format.needs, format.created_by);
  return text + fmt::format("crc32c {:08x}\n", crc32c(0, os::as_bytes(text)));
}

Result<DirectoryFormat> read_directory_format(std::string_view text) {
  const size_t checksum_at = text.rfind("crc32c ");
  if (checksum_at == std::string_view::npos) return bad("it has no checksum");
  std::string_view ending = text.substr(checksum_at);
  const auto checksum = number(take_line(ending, "crc32c "), 16);
  std::string_view rest = text.substr(0, checksum_at);
  if (!checksum || !ending.empty() || *checksum != crc32c(0, os::as_bytes(rest)))
    return bad("its checksum is wrong");
  if (take_line(rest, kTitle) != "") return bad("it is not the format of a data directory");
  // A newer program may have added lines behind these.
  const auto version = number(take_line(rest, "version "));
  const auto needs = number(take_line(rest, "needs "));
  const auto created_by = take_line(rest, "created by ");
  if (!version || !needs || !created_by) return bad("it is not the format of a data directory");
  return DirectoryFormat{*version, *needs, std::string(*created_by)};
}

}  // namespace viridian::local
