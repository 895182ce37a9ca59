#include "train/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace strata::train {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{200};
constexpr std::chrono::seconds kPlainInterval{10};

double rate(int64_t samples, double seconds) {
  return seconds > 0 ? static_cast<double>(samples) / seconds : 0;
}

std::string two_units(int64_t large, const char* large_unit, int64_t small,
                      const char* small_unit) {
  if (small == 0) return fmt::format("{} {}", large, large_unit);
  return fmt::format("{} {} {} {}", large, large_unit, small, small_unit);
}

}  // namespace

std::string format_count(int64_t count) {
  std::string digits = fmt::format("{}", count);
  for (auto i = std::ssize(digits) - 3; i > (count < 0 ? 1 : 0); i -= 3) digits.insert(i, ",");
  return digits;
}

std::string format_rate(double per_second) {
  if (!(per_second >= 0)) return "0";
  const auto digits = [](double x) { return x < 9.95 ? 1 : 0; };
  if (per_second < 999.5) return fmt::format("{:.0f}", per_second);
  const double thousands = per_second / 1e3;
  if (thousands < 999.5) return fmt::format("{:.{}f} k", thousands, digits(thousands));
  return fmt::format("{:.{}f} M", per_second / 1e6, digits(per_second / 1e6));
}

std::string format_span(double seconds) {
  const auto whole = static_cast<int64_t>(std::clamp(std::ceil(seconds), 0.0, 1e12));
  if (whole < 60) return fmt::format("{} s", whole);
  const int64_t minutes = (whole + 59) / 60;
  if (minutes < 60) return fmt::format("{} m", minutes);
  if (minutes < 24 * 60) return two_units(minutes / 60, "h", minutes % 60, "m");
  return two_units(minutes / (24 * 60), "d", minutes / 60 % 24, "h");
}

std::string format_progress(const ProgressLine& line) {
  std::string text = "step " + format_count(line.step);
  if (line.total_steps) text += "/" + format_count(*line.total_steps);
  text += fmt::format(" | {} samples/s", format_rate(line.samples_per_second));
  if (line.loss) text += fmt::format(" | loss {:.4f}", *line.loss);
  if (line.auc) text += fmt::format(" | auc {:.4f}", *line.auc);
  if (line.eta_seconds) text += " | eta " + format_span(*line.eta_seconds);
  return text;
}

std::string format_evaluation(int64_t step, const kernels::EvalMetrics& metrics) {
  const auto shown = [](const std::optional<double>& value, const char* why) {
    return value ? fmt::format("{:.4f}", *value) : fmt::format("undefined ({})", why);
  };
  std::string text = fmt::format("eval at step {} | auc {} | logloss {} | ne {} | calibration {}",
                                 format_count(step), shown(metrics.auc, "only one class"),
                                 shown(metrics.logloss, "no weight"),
                                 shown(metrics.normalized_entropy, "only one class"),
                                 shown(metrics.calibration, "no positive label"));
  if (metrics.groups > 0) {
    text += fmt::format(" | gauc {} ({} of {} groups)",
                        shown(metrics.group_auc, "no group has both classes"),
                        format_count(metrics.groups_with_auc), format_count(metrics.groups));
  }
  return text + fmt::format(" | {} samples", format_count(metrics.samples));
}

void RateMeter::add(int64_t samples, double seconds) {
  samples_ += samples;
  seconds_ += seconds;
}

double RateMeter::lap() {
  const double value = rate(samples_ - lap_samples_, seconds_ - lap_seconds_);
  lap_samples_ = samples_;
  lap_seconds_ = seconds_;
  return value;
}

double RateMeter::overall() const { return rate(samples_, seconds_); }

bool ProgressDisplay::due(Clock::time_point now) const {
  if (!last_) return true;
  return now - *last_ >=
         (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval));
}

void ProgressDisplay::show(const std::string& line, Clock::time_point now) {
  last_ = now;
  fmt::print(out_, "{}", terminal_ ? "\r" + line + "\x1b[K" : line + "\n");
  std::fflush(out_);
  open_line_ = terminal_;
}

void ProgressDisplay::note(const std::string& line) {
  fmt::print(out_, "{}{}\n", open_line_ ? "\n" : "", line);
  std::fflush(out_);
  open_line_ = false;
}

}  // namespace strata::train
