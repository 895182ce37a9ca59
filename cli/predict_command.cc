// strata predict RUN FILE --out F: probabilities, one line per row.
#include <fmt/format.h>

#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/output_file.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "serving/score.h"

namespace strata::cli {
namespace {

struct PredictArguments {
  std::string model;
  std::vector<std::string> files;
  std::string out;
  int threads = 0;
};

/// Hands the lines of each batch to `write`; returns the number of rows.
int64_t predict_to(const std::function<void(std::string_view)>& write,
                   const PredictArguments& arguments) {
  const TrainedModel model = load_model(arguments.model);
  const auto reader = open_rows(model, arguments.files, RowUse::kPredict);
  ThreadPool pool(compute_threads(arguments.threads));
  serving::Scorer scorer(*model.network, model.next_update(), pool);
  std::ostringstream lines;
  serving::PredictionWriter writer(lines);
  serving::score_all(scorer, *reader, [&](const Batch& batch, std::span<const float> logits) {
    writer(batch, logits);
    write(lines.view());
    lines.str({});
  });
  return writer.rows();
}

int predict(const PredictArguments& arguments, const Context& context) {
  if (arguments.out.empty()) {
    if (context.json) throw Error(ErrorCode::kUsage, "--json needs --out FILE for the predictions");
    predict_to([](std::string_view lines) { std::cout << lines; }, arguments);
    if (!std::cout.flush()) throw Error(ErrorCode::kIo, "cannot write to standard output");
    return 0;
  }
  OutputFile out(arguments.out);
  const int64_t rows = predict_to([&](std::string_view lines) { out.write(lines); }, arguments);
  out.finish();
  if (context.json) {
    print_json({{"out", arguments.out}, {"rows", rows}});
  } else {
    print_text(
        fmt::format("{}: {} predictions, one `id<TAB>probability` a line\n", arguments.out, rows));
  }
  return 0;
}

}  // namespace

void add_predict(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("predict", "Predict the rows of files");
  const auto arguments = std::make_shared<PredictArguments>();
  command->add_option("RUN", arguments->model, "Run, checkpoint, exports or export")->required();
  command->add_option("FILE", arguments->files, "Files; labels may be absent")->required();
  command->add_option("--out", arguments->out, "File to write; default: standard output");
  command->add_option("--threads", arguments->threads, "Compute threads; 0: all of the machine")
      ->check(CLI::Range(0, 1024));
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return predict(*arguments, context); };
  });
}

}  // namespace strata::cli
