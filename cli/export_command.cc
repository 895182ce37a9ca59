// strata export RUN OUT: an immutable version that NumPy can read.
#include <fmt/format.h>

#include <memory>

#include "base/folder_lock.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "serving/export.h"
#include "storage/file_system.h"
#include "train/config_values.h"

namespace strata::cli {
namespace {

struct ExportArguments {
  std::string model;
  std::string out;
  std::string rows = "fp32";
};

kernels::DType dtype_of(const std::string& name) {
  for (const auto& [value, text] : EnumNames<kernels::DType>::kNames) {
    if (text == name) return value;
  }
  return kernels::DType::kF32;
}

int export_model(const ExportArguments& arguments, const Context& context) {
  const TrainedModel model = load_model(arguments.model);
  const auto exports = storage::open_file_system(arguments.out, storage::IfAbsent::kCreate);
  serving::refuse_run_folder(*exports);
  const FolderLock lock(arguments.out, "an export is being written there");
  ThreadPool pool(compute_threads(0));
  const serving::ExportSource source{.network = *model.network,
                                     .schema = model.schema,
                                     .step = model.step,
                                     .samples = model.samples,
                                     .metrics = model.metrics,
                                     .eval = model.eval};
  serving::ExportOptions options;
  options.rows = dtype_of(arguments.rows);
  const serving::ExportReport report = serving::export_network(*exports, source, options, pool);
  if (context.json) {
    nlohmann::ordered_json result = serving::to_json(report);
    result["exports"] = arguments.out;
    print_json(result);
  } else {
    print_text(fmt::format(
        "{}/{}: {} tables, {} rows, {} bytes{}; golden requests agree to {:.1e}\nnext:\n"
        "  strata verify {}\n",
        arguments.out, report.version, report.tables, report.rows, report.bytes,
        report.onnx ? ", ONNX" : "", report.golden_error, arguments.out));
  }
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("export", "Write a trained model for serving");
  const auto arguments = std::make_shared<ExportArguments>();
  command->add_option("RUN", arguments->model, "Run or checkpoint")->required();
  command->add_option("OUT", arguments->out, "Folder of exports; made if absent")->required();
  command->add_option("--rows", arguments->rows, "Type of the exported rows")
      ->check(CLI::IsMember(train::enum_choices<kernels::DType>()))
      ->capture_default_str();
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return export_model(*arguments, context); };
  });
}

}  // namespace strata::cli
