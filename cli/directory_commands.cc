// strata verify|inspect|diff: checkpoints and exports as they lie on the disk.
#include <memory>

#include "base/error.h"
#include "cli/command.h"
#include "serving/diff.h"
#include "serving/inspect.h"
#include "serving/verify.h"

namespace strata::cli {
namespace {

template <class Report>
void print(const Report& report, const Context& context) {
  if (context.json) {
    print_json(serving::to_json(report));
  } else {
    print_text(serving::to_text(report));
  }
}

int verify(const std::string& path, const Context& context) {
  const serving::VerifyReport report = serving::verify(path);
  print(report, context);
  return report.intact() ? 0 : static_cast<int>(ErrorCode::kCorrupt);
}

int inspect(const std::string& path, const Context& context) {
  print(serving::inspect(path), context);
  return 0;
}

/// 0 equal, 1 different.
int diff(const std::string& first, const std::string& second, const Context& context) {
  const serving::DiffReport report = serving::diff(first, second);
  print(report, context);
  return report.equal() ? 0 : 1;
}

}  // namespace

void add_verify(CLI::App& app, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("verify", "Compare every byte of a run or an export with its checksums");
  const auto path = std::make_shared<std::string>();
  command->add_option("DIR", *path, "Run, checkpoint, exports or export")->required();
  command->callback([path, &chosen] {
    chosen = [path](const Context& context) { return verify(*path, context); };
  });
}

void add_inspect(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("inspect", "Tell what is in a checkpoint or an export");
  const auto path = std::make_shared<std::string>();
  command->add_option("DIR", *path, "Run, checkpoint, exports or export")->required();
  command->callback([path, &chosen] {
    chosen = [path](const Context& context) { return inspect(*path, context); };
  });
}

void add_diff(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "diff", "Compare the content of two checkpoints or exports: exit 0 equal, 1 different");
  const auto paths = std::make_shared<std::pair<std::string, std::string>>();
  command->add_option("A", paths->first, "Run, checkpoint, exports or export")->required();
  command->add_option("B", paths->second, "The other one")->required();
  command->callback([paths, &chosen] {
    chosen = [paths](const Context& context) { return diff(paths->first, paths->second, context); };
  });
}

}  // namespace strata::cli
