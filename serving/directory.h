#pragma once
// What a path given by a user names, before anything in it is believed.

#include <string>

#include "storage/publication.h"

namespace strata::serving {

/// Throws Error{missing} when the manifest.json at the root of `files` is another program's: JSON
/// that has no `manifest_xxh3` and whose `magic` does not begin with "strata ". No single damage
/// makes a manifest of ours look so; what is no JSON counts as ours, damaged.
void refuse_foreign(const storage::FileSystem& files);

/// storage::open_published, but a directory with another program's manifest.json is Error{missing}.
storage::OpenedDirectory open_directory(const std::string& path);

}  // namespace strata::serving
