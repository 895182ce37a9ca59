#include "serving/directory.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "storage/manifest.h"

namespace strata::serving {
namespace {

bool is_foreign(const nlohmann::json& json) {
  if (json.is_discarded()) return false;
  if (!json.is_object()) return true;
  if (json.contains("manifest_xxh3")) return false;
  const auto magic = json.find("magic");
  if (magic == json.end() || !magic->is_string()) return true;
  return !magic->get_ref<const std::string&>().starts_with("strata ");
}

}  // namespace

void refuse_foreign(const storage::FileSystem& files) {
  const std::string name(storage::kManifestName);
  const std::string text = storage::read_text(files, name, storage::kManifestLimitBytes);
  if (!is_foreign(nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false))) return;
  throw Error(ErrorCode::kMissing,
              "{} is no checkpoint or export: its manifest.json is not one of Strata's",
              files.path(""));
}

storage::OpenedDirectory open_directory(const std::string& path) {
  storage::OpenedDirectory opened = storage::open_published(path);
  if (opened.name.empty()) refuse_foreign(*opened.files);
  return opened;
}

}  // namespace strata::serving
