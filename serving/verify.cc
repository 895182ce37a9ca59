#include "serving/verify.h"

#include <algorithm>

#include "base/error.h"
#include "serving/directory.h"
#include "storage/file_system.h"
#include "storage/publication.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

VerifiedDirectory verify_one(const storage::FileSystem& files, const std::string& name) {
  VerifiedDirectory directory;
  directory.name = name;
  directory.findings = storage::verify_directory(files, name, "");
  try {
    const storage::Manifest manifest = storage::read_manifest(files, name, "");
    directory.kind = manifest.magic == storage::kExportMagic ? "export" : "checkpoint";
    directory.step = manifest.about.value("step", int64_t{-1});
  } catch (const Error&) {
    return directory;  // the findings say why
  } catch (const nlohmann::json::exception&) {
    return directory;
  }
  return directory;
}

/// Directories that look like versions or checkpoints but hold no manifest are findings too.
bool looks_published(const std::string& name) {
  return name.starts_with("checkpoint-") ||
         (name.size() == 7 && name.front() == 'v' &&
          std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

void verify_folder(const storage::FileSystem& files, VerifyReport& report) {
  std::string current;
  try {
    current = storage::require_current(files);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kCorrupt) throw;
    report.current_problem = e.what();
  }
  const auto published = storage::list_published(files);
  for (const storage::Entry& entry : files.list("")) {
    const bool temporary = storage::is_temporary(entry.name);
    if (temporary) report.leftovers.push_back(entry.name);
    if (entry.kind != storage::EntryKind::kDirectory || temporary) continue;
    if (!looks_published(entry.name) &&
        std::ranges::find(published, entry.name) == published.end()) {
      continue;
    }
    VerifiedDirectory directory = verify_one(files, entry.name);
    directory.current = entry.name == current;
    if (!current.empty() && entry.name > current) report.orphans.push_back(entry.name);
    report.directories.push_back(std::move(directory));
  }
}

Json to_json(const VerifiedDirectory& directory) {
  Json findings = Json::array();
  for (const storage::Finding& finding : directory.findings) {
    findings.push_back({{"file", finding.file},
                        {"damage", enum_name(finding.damage)},
                        {"detail", finding.detail}});
  }
  return {{"name", directory.name},
          {"kind", directory.kind},
          {"step", directory.step},
          {"current", directory.current},
          {"findings", std::move(findings)}};
}

}  // namespace

bool VerifyReport::intact() const {
  return current_problem.empty() && std::ranges::all_of(directories, [](const auto& directory) {
           return directory.findings.empty();
         });
}

VerifyReport verify(const std::string& path) {
  VerifyReport report;
  report.path = path;
  const auto files = storage::open_file_system(path, storage::IfAbsent::kFail);
  if (storage::find_entry(*files, std::string(storage::kManifestName))) {
    refuse_foreign(*files);
    report.directories.push_back(verify_one(*files, ""));
  } else {
    verify_folder(*files, report);
  }
  return report;
}

std::string to_text(const VerifyReport& report) {
  std::string text;
  if (!report.current_problem.empty()) text += report.current_problem + "\n";
  for (const VerifiedDirectory& directory : report.directories) {
    const std::string where = directory.name.empty() ? report.path : directory.name;
    text += fmt::format("{}: {}{}{}\n", where, directory.findings.empty() ? "intact" : "damaged",
                        directory.step < 0 ? "" : fmt::format(", step {}", directory.step),
                        directory.current ? ", current" : "");
    for (const storage::Finding& finding : directory.findings) {
      text += fmt::format("  {}\n", storage::describe(finding));
    }
  }
  for (const std::string& name : report.orphans) {
    text += fmt::format("{}: newer than CURRENT and not used\n", name);
  }
  for (const std::string& name : report.leftovers) {
    text += fmt::format(
        "{}: being written, or left by an interrupted run; the next start removes it\n", name);
  }
  return text;
}

Json to_json(const VerifyReport& report) {
  Json directories = Json::array();
  for (const VerifiedDirectory& directory : report.directories) {
    directories.push_back(to_json(directory));
  }
  return {{"path", report.path},
          {"intact", report.intact()},
          {"current_problem", report.current_problem},
          {"directories", std::move(directories)},
          {"orphans", report.orphans},
          {"leftovers", report.leftovers}};
}

}  // namespace strata::serving
