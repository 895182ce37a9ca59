#include "storage/manifest.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include "storage/block_file.h"

namespace strata::storage {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSeal = ",\n  \"manifest_xxh3\": \"";
constexpr std::string_view kEnd = "\"\n}\n";
constexpr size_t kHexDigits = 16;

std::string to_hex(uint64_t value) { return fmt::format("{:016x}", value); }

bool from_hex(std::string_view text, uint64_t& value) {
  if (text.size() != kHexDigits) return false;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return failed == std::errc() && end == text.data() + text.size() && to_hex(value) == text;
}

[[noreturn]] void invalid(std::string_view where, std::string_view why) {
  throw Error(ErrorCode::kCorrupt, "{}: {}", where, why);
}

/// Non-negative integer member of `object`.
int64_t read_count(const Json& object, const char* key, std::string_view where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned() ||
      found->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    invalid(where, fmt::format("'{}' is not a count", key));
  }
  return found->get<int64_t>();
}

std::string read_string(const Json& object, const char* key, std::string_view where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    invalid(where, fmt::format("'{}' is not a string", key));
  }
  return found->get<std::string>();
}

void check_members(const Json& object, const std::set<std::string_view>& allowed,
                   std::string_view where) {
  if (!object.is_object()) invalid(where, "not an object");
  for (const auto& [key, value] : object.items()) {
    if (!allowed.contains(key)) invalid(where, fmt::format("unknown member '{}'", key));
  }
}

ManifestFile read_file_entry(const Json& json, std::string_view where) {
  check_members(json, {"name", "bytes", "rows", "xxh3"}, where);
  ManifestFile file;
  file.name = read_string(json, "name", where);
  if (!is_clean_name(file.name) || file.name == kManifestName) {
    invalid(where, fmt::format("'{}' is not a file name", file.name));
  }
  file.bytes = read_count(json, "bytes", where);
  file.rows = read_count(json, "rows", where);
  if (!from_hex(read_string(json, "xxh3", where), file.xxh3)) {
    invalid(where, fmt::format("checksum of '{}' is not 16 hex digits", file.name));
  }
  return file;
}

void check_format(const Json& json, std::string_view where) {
  const int64_t format = read_count(json, "format", where);
  if (format > kManifestFormat) {
    invalid(where,
            fmt::format("written by format {}; this build reads <= {}", format, kManifestFormat));
  }
  if (format < 1) invalid(where, "format 0 does not exist");
}

void check_seal(std::string_view text, std::string_view where) {
  const size_t tail = kSeal.size() + kHexDigits + kEnd.size();
  uint64_t stored = 0;
  if (text.size() < tail || !text.ends_with(kEnd) ||
      text.substr(text.size() - tail, kSeal.size()) != kSeal ||
      !from_hex(text.substr(text.size() - kEnd.size() - kHexDigits, kHexDigits), stored)) {
    invalid(where, "the checksum at its end is missing");
  }
  if (stored != XXH3_64bits(text.data(), text.size() - tail)) {
    invalid(where, "its checksum does not match its content");
  }
}

/// The finding for one file that the manifest names, or nothing.
std::optional<Finding> inspect_file(const FileSystem& files, const std::string& path,
                                    const ManifestFile& expected, const Entry* entry) {
  const auto finding = [&](Damage damage, std::string detail) {
    return Finding{expected.name, damage, std::move(detail)};
  };
  if (entry == nullptr) return finding(Damage::kMissing, "the manifest names it");
  if (entry->kind != EntryKind::kFile) {
    return finding(Damage::kNotRegular, "links and special files are not followed");
  }
  if (entry->bytes != expected.bytes) {
    return finding(Damage::kTruncated,
                   fmt::format("{} bytes, the manifest says {}", entry->bytes, expected.bytes));
  }
  try {
    const uint64_t actual = file_xxh3(*files.open(path));
    if (actual == expected.xxh3) return std::nullopt;
    return finding(Damage::kAltered, fmt::format("checksum {}, the manifest says {}",
                                                 to_hex(actual), to_hex(expected.xxh3)));
  } catch (const Error& e) {
    return finding(Damage::kUnreadable, e.what());
  }
}

}  // namespace

const ManifestFile* Manifest::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(files, name, {}, &ManifestFile::name);
  return at != files.end() && at->name == name ? &*at : nullptr;
}

std::string to_text(const Manifest& manifest) {
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back({{"name", file.name},
                     {"bytes", file.bytes},
                     {"rows", file.rows},
                     {"xxh3", to_hex(file.xxh3)}});
  }
  const Json json = {{"magic", manifest.magic},
                     {"format", manifest.format},
                     {"about", manifest.about},
                     {"files", std::move(files)}};
  std::string text = json.dump(2);
  text.resize(text.size() - 2);  // the closing "\n}" comes after the seal
  const std::string checksum = to_hex(XXH3_64bits(text.data(), text.size()));
  return text.append(kSeal).append(checksum).append(kEnd);
}

Manifest parse_manifest(std::string_view text, std::string_view where) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) invalid(where, "not JSON");
  if (!json.is_object()) invalid(where, "not an object");
  check_format(json, where);  // a newer format may be sealed in another way
  check_seal(text, where);
  check_members(json, {"magic", "format", "about", "files", "manifest_xxh3"}, where);
  Manifest manifest;
  manifest.magic = read_string(json, "magic", where);
  const auto about = json.find("about");
  const auto files = json.find("files");
  if (about == json.end() || !about->is_object()) invalid(where, "'about' is not an object");
  if (files == json.end() || !files->is_array()) invalid(where, "'files' is not a list");
  manifest.about = *about;
  for (const Json& entry : *files) {
    ManifestFile file = read_file_entry(entry, where);
    if (!manifest.files.empty() && manifest.files.back().name >= file.name) {
      invalid(where, fmt::format("'{}' is repeated or out of order", file.name));
    }
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

Manifest read_manifest(const FileSystem& files, const std::string& directory,
                       std::string_view magic) {
  const std::string name =
      directory.empty() ? std::string(kManifestName) : directory + "/" + std::string(kManifestName);
  std::string text;
  try {
    text = read_text(files, name, kManifestLimitBytes);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kMissing) throw;
    throw Error(ErrorCode::kCorrupt, "{} is missing: the directory was not completed",
                files.path(name));
  }
  Manifest manifest = parse_manifest(text, files.path(name));
  if (!magic.empty() && manifest.magic != magic) {
    invalid(files.path(name), fmt::format("this is a {}, not a {}", manifest.magic, magic));
  }
  return manifest;
}

std::vector<Finding> verify_directory(const FileSystem& files, const std::string& directory,
                                      std::string_view magic) {
  const std::vector<Entry> found = list_tree(files, directory);
  Manifest manifest;
  try {
    manifest = read_manifest(files, directory, magic);
  } catch (const Error& e) {
    return {{std::string(kManifestName), Damage::kInvalid, e.what()}};
  }
  std::vector<Finding> findings;
  const auto saved_step = manifest.about.find("step");
  const uint64_t step = saved_step != manifest.about.end() && saved_step->is_number_unsigned()
                            ? saved_step->get<uint64_t>()
                            : 0;
  for (const ManifestFile& file : manifest.files) {
    const auto entry = std::ranges::find(found, file.name, &Entry::name);
    auto finding = inspect_file(files, join_name(directory, file.name), file,
                                entry == found.end() ? nullptr : &*entry);
    if (!finding) continue;
    const auto why = explain_step(files, join_name(directory, file.name), step);
    if (why) finding->detail += "; " + *why;
    findings.push_back(std::move(*finding));
  }
  for (const Entry& entry : found) {
    if (entry.kind == EntryKind::kDirectory || entry.name == kManifestName) continue;
    if (manifest.find(entry.name) == nullptr) {
      findings.push_back({entry.name, Damage::kExtra, "the manifest does not name it"});
    }
  }
  return findings;
}

void require_intact(const FileSystem& files, const std::string& directory, std::string_view magic) {
  const auto findings = verify_directory(files, directory, magic);
  if (findings.empty()) return;
  constexpr size_t kShown = 5;
  std::string text = fmt::format("{} is damaged", files.path(directory));
  for (size_t i = 0; i < std::min(kShown, findings.size()); ++i) {
    text += fmt::format("{} {}", i == 0 ? ":" : ";", describe(findings[i]));
  }
  if (findings.size() > kShown) text += fmt::format("; and {} more", findings.size() - kShown);
  throw Error(ErrorCode::kCorrupt, text);
}

std::string describe(const Finding& finding) {
  return fmt::format("{}: {}: {}", finding.file, enum_name(finding.damage), finding.detail);
}

uint64_t file_xxh3(const ReadableFile& file) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> buffer(static_cast<size_t>(std::min<int64_t>(file.bytes(), 1 << 20)));
  for (int64_t at = 0; at < file.bytes();) {
    const size_t n = static_cast<size_t>(std::min<int64_t>(file.bytes() - at, 1 << 20));
    file.read(at, std::span(buffer).first(n));
    XXH3_64bits_update(state.get(), buffer.data(), n);
    at += static_cast<int64_t>(n);
  }
  return XXH3_64bits_digest(state.get());
}

}  // namespace strata::storage
