#include "train/config_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace strata::train {
namespace {

using ::testing::HasSubstr;

YamlNode scalar(const std::string& text, bool quoted = false) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.scalar = text;
  node.quoted = quoted;
  return node;
}

template <class T>
std::string fault_of(const std::string& text, const FieldSpec& spec = {}, bool quoted = false) {
  T value{};
  const auto fault = read_scalar(scalar(text, quoted), spec, value);
  return fault ? fault->message + (fault->note.empty() ? "" : " | " + fault->note) : "";
}

template <class T>
T read(const std::string& text) {
  T value{};
  const auto fault = read_scalar(scalar(text), {}, value);
  EXPECT_FALSE(fault) << fault->message;
  return value;
}

TEST(ConfigValues, IntegersAreDecimalAndInRange) {
  EXPECT_EQ(read<int64_t>("-12"), -12);
  EXPECT_EQ(read<uint64_t>("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  const FieldSpec spec{.doc = "", .min = 1, .max = 1024};
  EXPECT_EQ(fault_of<int>("0", spec), "expected an integer from 1 to 1024, got '0'");
  EXPECT_EQ(fault_of<int>("x", spec), "expected an integer from 1 to 1024, got 'x'");
  EXPECT_EQ(fault_of<int>("1.5", spec), "expected an integer from 1 to 1024, got '1.5'");
  EXPECT_EQ(fault_of<int>("5", spec, true),
            "expected an integer from 1 to 1024, got the text \"5\"");
  EXPECT_EQ(fault_of<uint64_t>("-1"), "expected an integer >= 0, got '-1'");
  EXPECT_NE(fault_of<int>("2147483648"), "");
  EXPECT_NE(fault_of<int64_t>("9223372036854775808"), "");
}

TEST(ConfigValues, AmbiguousNumbersAreRefusedWithTheirDecimal) {
  EXPECT_THAT(fault_of<int>("010"), HasSubstr("'010' is ambiguous"));
  EXPECT_THAT(fault_of<int>("010"), HasSubstr("write 10"));
  EXPECT_THAT(fault_of<int>("0x10"),
              HasSubstr("hexadecimal; only decimal numbers are accepted | write 16"));
  EXPECT_THAT(fault_of<int>("0o17"), HasSubstr("write 15"));
  EXPECT_THAT(fault_of<int>("0b11"), HasSubstr("write 3"));
  EXPECT_THAT(fault_of<int>("1_000"), HasSubstr("write 1000"));
  EXPECT_THAT(fault_of<double>("007"), HasSubstr("write 7"));
  EXPECT_EQ(read<int>("0"), 0);
}

TEST(ConfigValues, RealsAreFinite) {
  EXPECT_EQ(read<float>("0.1"), 0.1f);
  EXPECT_EQ(read<double>("1e-8"), 1e-8);
  EXPECT_EQ(fault_of<double>(".nan"), "expected a number, got '.nan'");
  for (const char* text : {"nan", "inf", "-inf", ".inf", "1e999", "", "1,5"}) {
    EXPECT_NE(fault_of<double>(text), "") << text;
  }
  EXPECT_EQ(fault_of<double>("0", {.doc = "", .min = 0, .max = 1, .above_min = true}),
            "expected a number > 0 and <= 1, got '0'");
}

TEST(ConfigValues, BoolsAreTrueOrFalse) {
  EXPECT_TRUE(read<bool>("true"));
  EXPECT_EQ(fault_of<bool>("yes"), "expected true or false, got 'yes' | write true");
  EXPECT_EQ(fault_of<bool>("off"), "expected true or false, got 'off' | write false");
  EXPECT_NE(fault_of<bool>("true", {}, true), "");
}

TEST(ConfigValues, SizesArePowersOf1024) {
  EXPECT_EQ(read<Bytes>("64k").value, 65536);
  EXPECT_EQ(read<Bytes>("2GiB").value, int64_t{2} << 30);
  EXPECT_EQ(read<Bytes>("1.5 MiB").value, 3 << 19);
  EXPECT_EQ(read<Bytes>("100").value, 100);
  for (const char* text : {"64q", "GiB", "-1k", "8EiB", "0.3k", "1e3"}) {
    EXPECT_NE(fault_of<Bytes>(text), "") << text;
  }
}

TEST(ConfigValues, TimesHaveUnits) {
  EXPECT_EQ(read<Duration>("30m").seconds, 1800);
  EXPECT_EQ(read<Duration>("1.5h").seconds, 5400);
  EXPECT_EQ(read<Duration>("90").seconds, 90);
  EXPECT_EQ(read<Duration>("250ms").seconds, 0.25);
  for (const char* text : {"30x", "m", "-1s", "1e3s", "99999999999h"}) {
    EXPECT_NE(fault_of<Duration>(text), "") << text;
  }
}

template <class T>
void expect_round_trip(T value) {
  EXPECT_EQ(read<T>(write_scalar(value)), value) << write_scalar(value);
}

TEST(ConfigValues, NumbersReadBackToTheSameBits) {
  for (const float value : {0.1f, 1e-8f, 3.4e38f, 1.0f / 3, 16777217.0f}) expect_round_trip(value);
  for (const double value : {0.1, 1e-300, 1.0 / 3, 1e22, -0.5}) expect_round_trip(value);
  for (const int64_t bytes : {int64_t{0}, int64_t{1023}, int64_t{1} << 20, int64_t{3} << 31}) {
    expect_round_trip(Bytes{bytes});
  }
  for (const double seconds : {0.0, 0.1, 1e-9, 30.0, 1800.0, 5400.5, 86400.0}) {
    expect_round_trip(Duration{seconds});
  }
}

TEST(ConfigValues, TextReadsBackWhateverItLooksLike) {
  for (const std::string text :
       {"plain", "",      "null",       "true",  "010", "1.5",   "a: b",
        "#x",    "\"q\"", "tab\there",  "80%",   "%x",  "größe", "- x",
        "[a]",   "a\\b",  "line\nline", "*.tsv", "./a", "~",     " pad "}) {
    Problems problems;
    const int source =
        problems.add_source({ConfigSource::Kind::kFile, "x", "k: " + write_scalar(text) + "\n"});
    const YamlNode root = parse_yaml(source, problems);
    std::string back;
    ASSERT_FALSE(read_scalar(*root.find("k"), {}, back)) << text;
    EXPECT_EQ(back, text);
  }
}

}  // namespace
}  // namespace strata::train
