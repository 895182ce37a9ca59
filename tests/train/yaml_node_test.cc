#include "train/yaml_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/sanitized.h"
#include "tests/train/temporary_folder.h"

namespace strata::train {
namespace {

using ::testing::HasSubstr;

std::string repeat(std::string_view piece, size_t bytes) {
  std::string out;
  while (out.size() + piece.size() <= bytes) out += piece;
  return out;
}

YamlNode parse(const std::string& text, Problems& problems) {
  return parse_yaml(problems.add_source({ConfigSource::Kind::kFile, "x.yaml", text}), problems);
}

YamlNode parse_well(const std::string& text) {
  Problems problems;
  YamlNode node = parse(text, problems);
  EXPECT_EQ(problems.report(), "");
  return node;
}

std::string report_of(const std::string& text) {
  Problems problems;
  try {
    parse(text, problems);
    return problems.report();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.exit_code(), 78);
    return e.what();
  }
}

TEST(YamlNode, KeepsPlacesQuotesAndOrder) {
  const YamlNode root = parse_well("b: 10\na: \"10\"\nlist: [x, y]\nempty:\n");
  ASSERT_EQ(root.kind, YamlNode::Kind::kMap);
  ASSERT_EQ(root.entries.size(), 4u);
  EXPECT_EQ(root.entries[0].key, "b");
  EXPECT_FALSE(root.find("b")->quoted);
  EXPECT_TRUE(root.find("a")->quoted);
  EXPECT_EQ(root.find("a")->place.line, 2);
  EXPECT_EQ(root.find("a")->place.column, 4);
  EXPECT_EQ(root.find("list")->items.at(1).scalar, "y");
  EXPECT_EQ(root.find("empty")->kind, YamlNode::Kind::kNull);
  EXPECT_EQ(root.find("absent"), nullptr);
}

TEST(YamlNode, EmptyTextIsNull) {
  EXPECT_EQ(parse_well("").kind, YamlNode::Kind::kNull);
  EXPECT_EQ(parse_well("# only a comment\n").kind, YamlNode::Kind::kNull);
}

TEST(YamlNode, AliasesAreCopies) {
  const YamlNode root = parse_well("a: &x {k: 1}\nb: *x\n");
  EXPECT_EQ(root.find("b")->find("k")->scalar, "1");
}

TEST(YamlNode, BomAndCrlfAreAccepted) {
  const TemporaryFolder folder;
  const std::string path = folder.path_of("bom.yaml");
  std::ofstream(path, std::ios::binary) << "\xEF\xBB\xBF"
                                        << "a: 1\r\nb: 2\r\n";
  Problems problems;
  EXPECT_EQ(read_yaml_file(path, problems).find("b")->scalar, "2");
}

// F41, F42: what is wrong with the text itself, all of it in one run.
TEST(YamlNode, DuplicateAndMergeAndListKeysAreReportedTogether) {
  const std::string report = report_of("a: 1\na: 2\n<<: {b: 1}\n[x]: 1\n");
  EXPECT_THAT(report, HasSubstr("x.yaml:2:1: error: duplicate key 'a'"));
  EXPECT_THAT(report, HasSubstr("it is first given at line 1"));
  EXPECT_THAT(report, HasSubstr("x.yaml:3:1: error: merge keys ('<<') are not supported"));
  EXPECT_THAT(report, HasSubstr("x.yaml:4:1: error: a key must be a word"));
}

TEST(YamlNode, TabsSecondDocumentsTagsAndSyntaxAreErrors) {
  EXPECT_THAT(report_of("a:\n\tb: 1\n\tc: 2\n"), HasSubstr("x.yaml:3:1: error: tab used"));
  EXPECT_THAT(report_of("a: 1\n---\nb: 2\n"), HasSubstr("x.yaml:2:1: error: a config is one YAML"));
  EXPECT_THAT(report_of("a: !!python/object x\n"), HasSubstr("tags are not supported"));
  EXPECT_THAT(report_of("a: [1, 2\nb: 3\n"), HasSubstr("x.yaml:"));
  EXPECT_THAT(report_of("a: &x [*x]\n"), HasSubstr("refers to a node around itself"));
}

TEST(YamlNode, InvalidUtf8AndControlCharactersAreErrors) {
  EXPECT_THAT(report_of("a: 1\nb: \xff\n"), HasSubstr("x.yaml:2:4: error: invalid UTF-8"));
  EXPECT_THAT(report_of("a: \xC0\xAF\n"), HasSubstr("invalid UTF-8"));      // overlong
  EXPECT_THAT(report_of("a: \xED\xA0\x80\n"), HasSubstr("invalid UTF-8"));  // surrogate
  EXPECT_THAT(report_of("a: \xE2\x82"), HasSubstr("invalid UTF-8"));        // cut short
  EXPECT_THAT(report_of(std::string("a: \0b\n", 6)), HasSubstr("control character 0x00"));
  EXPECT_EQ(parse_well("a: größe €😀\n").find("a")->scalar, "größe €😀");
}

TEST(YamlNode, MissingFileIs66AndDirectoryIs74) {
  Problems problems;
  try {
    read_yaml_file("/nonexistent/x.yaml", problems);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kMissing);
  }
  try {
    read_yaml_file("/tmp", problems);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kIo);
  }
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

constexpr double kRefusedSeconds = kSanitized ? 10 : 1;
constexpr int64_t kRefusedMiB = kSanitized ? 600 : 100;

/// F43: reads `text` as a file in a child process; it must be refused within 1 s and 100 MiB. The
/// seconds are those of the processor: what else the machine does proves nothing.
void expect_refused_cheaply(const std::string& name, const std::string& text) {
  SCOPED_TRACE(name);
  const TemporaryFolder folder;
  const std::string path = folder.path_of(name);
  std::ofstream(path, std::ios::binary) << text;
  const pid_t child = fork();
  if (child == 0) {
    Problems problems;
    try {
      read_yaml_file(path, problems);
    } catch (const ConfigError&) {
      _exit(78);
    }
    _exit(problems.empty() ? 0 : 78);
  }
  int status = 0;
  rusage usage{};
  ASSERT_EQ(wait4(child, &status, 0, &usage), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 78);
  EXPECT_LT(seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), kRefusedSeconds);
  EXPECT_LT(usage.ru_maxrss, kRefusedMiB * 1024);
}

constexpr size_t kMiB = size_t{1} << 20;

TEST(YamlNode, BombsAreRefusedCheaply) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    const std::string anchor = "a" + std::to_string(i) + ": &a" + std::to_string(i);
    bomb += anchor + " [" + repeat(previous + ",", 50) + "]\n";
    deep += anchor + " [[" + previous + "]]\n";
  }
  expect_refused_cheaply("aliases", bomb);
  expect_refused_cheaply("alias_depth", deep);
  expect_refused_cheaply("alias_text", "a: &a \"" + repeat("xxxxxxx\n ", 900'000) + "\"\nb: [" +
                                           repeat("*a,", 9'000) + "*a]\n");
  expect_refused_cheaply("large", repeat("a: 1\n", 50 * kMiB));
}

TEST(YamlNode, NestingIsRefusedCheaply) {
  expect_refused_cheaply("brackets", repeat("[", 100'000));
  expect_refused_cheaply("bracket_lines", repeat("[\n", kMiB));
  expect_refused_cheaply("brackets_with_items", repeat("[a,\n", kMiB));
  expect_refused_cheaply("braces", repeat("{a: \n", kMiB));
  expect_refused_cheaply("dashes", repeat("- ", 16'000));
  expect_refused_cheaply("question_marks", repeat("? ", 16'000));
  std::string steps;
  for (int i = 0; i < 100; ++i) steps += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  expect_refused_cheaply("steps", steps);
}

TEST(YamlNode, CrowdsAreRefusedCheaply) {
  expect_refused_cheaply("wide_list", "[" + repeat("a,\n", kMiB - 2) + "]");
  expect_refused_cheaply("wide_block", repeat("- a\n", kMiB));
  std::string map;
  for (int i = 0; map.size() < kMiB - 20; ++i) map += "k" + std::to_string(i) + ": 1\n";
  expect_refused_cheaply("wide_map", map);
  expect_refused_cheaply("quotes", repeat("[\"a\"\n", kMiB));
  expect_refused_cheaply("long_line", repeat("a ", kMiB));
}

}  // namespace
}  // namespace strata::train
