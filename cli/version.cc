#include "cli/version.h"

#include <fmt/format.h>
#include <rocksdb/version.h>
#include <spdlog/version.h>
#include <xxhash.h>
#include <zstd.h>
#include <nlohmann/json.hpp>

#include <CLI/CLI.hpp>

#if STRATA_HAVE_DNNL
#include <dnnl.h>
#endif

namespace strata::cli {
namespace {

std::string dotted(int major, int minor, int patch) {
  return fmt::format("{}.{}.{}", major, minor, patch);
}

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}", __clang_version__);
#else
  return "g++ " + dotted(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string onednn_version() {
#if STRATA_HAVE_DNNL
  const dnnl_version_t* version = dnnl_version();
  return dotted(version->major, version->minor, version->patch);
#else
  return "";
#endif
}

}  // namespace

std::vector<Component> components() {
  constexpr int kFmtPatch = FMT_VERSION % 100;
  return {
      {"compiler", compiler(), "", ""},
      {"oneDNN", onednn_version(),
       "fast matrix products, bf16; without it training is several times slower",
       "sudo apt-get install libdnnl-dev, then build again"},
      {"RocksDB", dotted(ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH), "tables larger than memory",
       ""},
      {"isa-l", STRATA_ISAL_VERSION, "reading .gz", ""},
      {"zstd", ZSTD_versionString(), "reading .zst", ""},
      {"xxhash", dotted(XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE),
       "ids, checksums", ""},
      {"fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, kFmtPatch), "text", ""},
      {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH), "logs", ""},
      {"nlohmann_json",
       dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
              NLOHMANN_JSON_VERSION_PATCH),
       "results and manifests", ""},
      {"CLI11", CLI11_VERSION, "the command line", ""},
      {"CUDA", "", "training on GPUs, which this version does not do", ""},
  };
}

std::string version_text() {
  std::string out = fmt::format("strata {}\n", STRATA_VERSION);
  for (const Component& part : components()) {
    out += fmt::format("  {:<14} {}\n", part.name,
                       part.version.empty() ? "not built in" : part.version);
  }
  out.pop_back();
  return out;
}

}  // namespace strata::cli
