#include "storage/directory_chain.h"

#include <algorithm>

#include "base/error.h"

namespace strata::storage {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostLinks = 10'000;  // of a chain; more is a circle

/// XXH3-64 of a directory's manifest.
std::string manifest_digest(const FileSystem& files, const std::string& directory) {
  const auto manifest = files.open(join_name(directory, std::string(kManifestName)));
  return fmt::format("{:016x}", file_xxh3(*manifest));
}

struct Parent {
  std::string name;
  std::string digest;
};

Parent parse_parent(const Json& entry, const std::string& where) {
  const auto name = entry.find("name");
  const auto digest = entry.find("manifest_xxh3");
  if (name == entry.end() || digest == entry.end() || !name->is_string() || !digest->is_string() ||
      !is_clean_name(name->get<std::string>())) {
    throw Error(ErrorCode::kCorrupt, "{}: what it builds upon makes no sense", where);
  }
  return {name->get<std::string>(), digest->get<std::string>()};
}

/// Throws unless the parent is there and is the one that was built upon.
void require_parent(const FileSystem& files, const std::string& child, const Parent& parent) {
  if (!find_entry(files, join_name(parent.name, std::string(kManifestName)))) {
    throw Error(ErrorCode::kCorrupt, "{} builds upon {}, which is not there", files.path(child),
                parent.name);
  }
  if (manifest_digest(files, parent.name) == parent.digest) return;
  throw Error(ErrorCode::kCorrupt, "{} builds upon another {} than the one that is there",
              files.path(child), parent.name);
}

}  // namespace

Json parent_entry(const FileSystem& files, const std::string& parent) {
  return {{"name", parent}, {"manifest_xxh3", manifest_digest(files, parent)}};
}

std::vector<ChainLink> read_chain(const FileSystem& files, const std::string& directory,
                                  std::string_view magic) {
  std::vector<ChainLink> chain;
  for (std::string name = directory;;) {
    chain.push_back({.directory = name, .manifest = read_manifest(files, name, magic)});
    const Json& about = chain.back().manifest.about;
    const auto entry = about.find("base");
    if (entry == about.end()) break;
    const Parent parent = parse_parent(*entry, files.path(name));
    if (chain.size() == kMostLinks) {
      throw Error(ErrorCode::kCorrupt, "{} builds upon more than {} others", files.path(directory),
                  kMostLinks);
    }
    require_parent(files, name, parent);
    name = parent.name;
  }
  std::ranges::reverse(chain);
  return chain;
}

std::vector<ChainLink> require_intact_chain(const FileSystem& files, const std::string& directory,
                                            std::string_view magic) {
  require_intact(files, directory, magic);
  std::vector<ChainLink> chain = read_chain(files, directory, magic);
  for (const ChainLink& link : chain) {
    if (link.directory != directory) require_intact(files, link.directory, magic);
  }
  return chain;
}

}  // namespace strata::storage
