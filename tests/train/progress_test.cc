#include "train/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace strata::train {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Progress, LineReadsAsDocumented) {
  EXPECT_EQ(format_progress({.step = 12'400,
                             .total_steps = 50'000,
                             .samples_per_second = 131'200,
                             .loss = 0.44712,
                             .auc = 0.78931,
                             .eta_seconds = 287}),
            "step 12,400/50,000 | 131 k samples/s | loss 0.4471 | auc 0.7893 | eta 5 m");
}

TEST(Progress, AbsentValuesAreLeftOut) {
  EXPECT_EQ(format_progress({.step = 7, .samples_per_second = 3}), "step 7 | 3 samples/s");
}

TEST(Progress, Counts) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
  EXPECT_EQ(format_count(-1'000), "-1,000");
  EXPECT_EQ(format_count(-100), "-100");
}

TEST(Progress, Rates) {
  EXPECT_EQ(format_rate(0), "0");
  EXPECT_EQ(format_rate(940), "940");
  EXPECT_EQ(format_rate(8'240), "8.2 k");
  EXPECT_EQ(format_rate(131'000), "131 k");
  EXPECT_EQ(format_rate(999'900), "1.0 M");
  EXPECT_EQ(format_rate(8'200'000), "8.2 M");
}

TEST(Progress, Spans) {
  EXPECT_EQ(format_span(-5), "0 s");
  EXPECT_EQ(format_span(39.2), "40 s");
  EXPECT_EQ(format_span(61), "2 m");
  EXPECT_EQ(format_span(7'800), "2 h 10 m");
  EXPECT_EQ(format_span(3'600), "1 h");
  EXPECT_EQ(format_span(4 * 3'600 + 3 * 86'400), "3 d 4 h");
}

TEST(Progress, RatesAreOfTheTimeAdded) {
  RateMeter meter;
  EXPECT_DOUBLE_EQ(meter.lap(), 0) << "no time, no rate";
  meter.add(1'000, 2);
  EXPECT_DOUBLE_EQ(meter.lap(), 500);
  meter.add(800, 1);
  meter.add(200, 1);
  EXPECT_DOUBLE_EQ(meter.lap(), 500);
  EXPECT_DOUBLE_EQ(meter.overall(), 500);
  EXPECT_DOUBLE_EQ(meter.lap(), 0);
}

class ProgressDisplayTest : public testing::Test {
 protected:
  ProgressDisplayTest() : out_(open_memstream(&text_, &size_)) {}
  ~ProgressDisplayTest() override {
    std::fclose(out_);
    std::free(text_);
  }
  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* out_;
};

TEST_F(ProgressDisplayTest, TerminalRewritesItsLine) {
  ProgressDisplay display(out_, true);
  const ProgressDisplay::Clock::time_point now{};
  display.show("one", now);
  display.show("two", now);
  display.note("done");
  EXPECT_STREQ(text_, "\rone\x1b[K\rtwo\x1b[K\ndone\n");
}

TEST_F(ProgressDisplayTest, ElsewhereLinesArePlain) {
  ProgressDisplay display(out_, false);
  display.show("one", {});
  display.note("two");
  EXPECT_STREQ(text_, "one\ntwo\n");
}

TEST_F(ProgressDisplayTest, LinesAreRationed) {
  ProgressDisplay terminal(out_, true), plain(out_, false);
  const ProgressDisplay::Clock::time_point now{};
  EXPECT_TRUE(terminal.due(now));
  terminal.show("x", now);
  plain.show("x", now);
  EXPECT_FALSE(terminal.due(now + milliseconds(199)));
  EXPECT_TRUE(terminal.due(now + milliseconds(200)));
  EXPECT_FALSE(plain.due(now + milliseconds(9'999)));
  EXPECT_TRUE(plain.due(now + seconds(10)));
}

}  // namespace
}  // namespace strata::train
