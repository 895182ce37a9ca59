#include "train/metrics_log.h"

#include "train/tensorboard.h"

namespace strata::train {

MetricsLog::MetricsLog(Options options)
    : options_(std::move(options)), jsonl_(options_.jsonl_path), events_(options_.events_path) {
  write_to(events_, tensorboard_header(options_.wall_seconds));
}

void MetricsLog::write(const Record& record) {
  nlohmann::ordered_json line = {
      {"event", record.event}, {"step", record.step}, {"seconds", record.seconds}};
  line.update(record.values);
  write_to(jsonl_, line.dump() + "\n");
  std::string scalars;
  for (const auto& [name, value] : record.values.items()) {
    if (!value.is_number()) continue;
    scalars += tensorboard_scalar({.tag = record.event + "/" + name,
                                   .value = value.get<double>(),
                                   .step = record.step,
                                   .wall_seconds = options_.wall_seconds + record.seconds});
  }
  if (!scalars.empty()) write_to(events_, scalars);
}

void MetricsLog::write_to(AppendFile& file, const std::string& bytes) {
  const std::string failure = file.write(bytes);
  if (!failure.empty() && options_.warn) options_.warn(failure);
}

}  // namespace strata::train
