// What bad input gets: F31 to F38 of the reliability list. Every case must give the same rows and
// the same reports for one thread and for eight.

#include <gmock/gmock.h>

#include <ctime>
#include <fstream>

#include "base/error.h"
#include "data/block_source.h"
#include "tests/data/input_fixture.h"

namespace strata::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

class BadInput : public InputTest {
 protected:
  struct Result {
    std::vector<uint64_t> rows;  // C1 of the good rows
    ReadStatistics statistics;
  };

  /// Reads a file in order with 1 and 8 threads, tolerating every bad row.
  Result read(const std::string& file, double max_bad_ratio = 1) {
    Result first = read_with(file, max_bad_ratio, 1);
    const Result again = read_with(file, max_bad_ratio, 8);
    EXPECT_EQ(first.rows, again.rows);
    EXPECT_EQ(first.statistics.first_bad, again.statistics.first_bad);
    EXPECT_EQ(first.statistics.bad, again.statistics.bad);
    return first;
  }

  Result read_with(const std::string& file, double max_bad_ratio, int threads) {
    DataConfig config = small_config({file});
    config.shuffle = false;
    config.max_bad_ratio = max_bad_ratio;
    config.threads = threads;
    const auto reader = make_reader(config, make_schema(config), Part::kTrain, {.batch_size = 64});
    Result result;
    result.rows = ids_of(read_all(*reader));
    result.statistics = reader->statistics();
    return result;
  }

  /// The reason a single line is bad; empty when it is good.
  std::string reason_of(const std::string& line) {
    const auto result = read(write("one.tsv", line + "\n" + criteo_line(7) + "\n"));
    if (result.statistics.bad == 0) return {};
    EXPECT_EQ(result.rows, std::vector<uint64_t>{7});
    EXPECT_EQ(result.statistics.first_bad.at(0).line, 1);
    return result.statistics.first_bad.at(0).reason;
  }

  ErrorCode code_of(const std::string& file, double max_bad_ratio = 0) {
    try {
      read_with(file, max_bad_ratio, 1);
    } catch (const Error& e) {
      message_ = e.what();
      return e.code();
    }
    message_ = "no error";
    return ErrorCode{0};
  }

  /// criteo_line(row) with field `field` (0: label) replaced.
  static std::string with_field(int64_t row, int field, const std::string& text) {
    std::string line = criteo_line(row);
    size_t begin = 0;
    for (; field > 0; --field) begin = line.find('\t', begin) + 1;
    return line.replace(begin, std::min(line.find('\t', begin), line.size()) - begin, text);
  }

  std::string message_;
};

TEST_F(BadInput, F31TruncatedLineIsCountedAndShown) {
  const std::string cut = criteo_line(2).substr(0, 20);
  const std::string file =
      write("a.tsv", criteo_text(0, 2) + cut + "\n" + criteo_text(3, 2) + "1\n");
  const Result result = read(file);
  EXPECT_THAT(result.rows, ElementsAre(0, 1, 3, 4));
  EXPECT_EQ(result.statistics.good, 4);
  EXPECT_EQ(result.statistics.lines, 6);
  ASSERT_EQ(result.statistics.first_bad.size(), 2u);
  EXPECT_EQ(result.statistics.first_bad[0].file, file);
  EXPECT_EQ(result.statistics.first_bad[0].line, 3);
  EXPECT_THAT(result.statistics.first_bad[0].reason, HasSubstr("fields instead of 40"));
  EXPECT_EQ(result.statistics.first_bad[1].line, 6);
}

TEST_F(BadInput, F31BeyondTheRatioIsExit65NamingTheLine) {
  const std::string file = write("a.tsv", criteo_text(0, 97) + "1\n1\n" + criteo_text(99, 1));
  EXPECT_EQ(read(file, 0.02).statistics.bad, 2);
  EXPECT_EQ(code_of(file, 0.019), ErrorCode::kData);
  EXPECT_THAT(message_, AllOf(HasSubstr(file + ":99:"), HasSubstr("max_bad_ratio")));
}

TEST_F(BadInput, F31OnlyTheFirstTwentyAreKept) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "x\n";
  const Result result = read(write("a.tsv", text + criteo_text(0, 1)));
  EXPECT_EQ(result.statistics.bad, 50);
  EXPECT_EQ(result.statistics.first_bad.size(), 20u);
}

TEST_F(BadInput, F31SeekCountsAfresh) {
  DataConfig config =
      small_config({write("a.tsv", criteo_text(0, 70) + "1\n" + criteo_text(71, 129))});
  config.shuffle = false;
  config.max_bad_ratio = 0.005;  // one row
  for (const int64_t prefetch : {0, 8}) {
    config.prefetch = prefetch;
    const auto reader = make_reader(config, make_schema(config), Part::kTrain, {.batch_size = 64});
    for (const int64_t batch : {0, 1, 1, 0}) {
      Batch first;
      ASSERT_TRUE(reader->next(first));
      ASSERT_TRUE(reader->next(first));
      reader->seek({0, batch});
      EXPECT_EQ(reader->statistics().lines, 0);
      EXPECT_EQ(ids_of(read_all(*reader)).size(), 199 - batch * 64u);
      EXPECT_EQ(reader->statistics().bad, 1);
      EXPECT_EQ(reader->statistics().first_bad.size(), 1u);
      reader->seek({0, batch});
    }
  }
}

TEST_F(BadInput, F31TooManyFields) {
  EXPECT_EQ(reason_of(criteo_line(1) + "\t00000001"), "41 fields instead of 40");
}

TEST_F(BadInput, F32TwoGiBWithoutNewlineIsOneBadRowQuickly) {
  const std::string file = write("a.tsv", criteo_text(0, 3));
  std::filesystem::resize_file(file, (2ull << 30) + 5);
  std::ofstream(file, std::ios::app) << "\n" + criteo_text(4, 2);
  const std::clock_t start = std::clock();  // processor time: others' load proves nothing
  const Result result = read_with(file, 1, 1);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_THAT(result.rows, ElementsAre(0, 1, 2, 4, 5));
  ASSERT_EQ(result.statistics.first_bad.size(), 1u);
  EXPECT_EQ(result.statistics.first_bad[0].line, 4);
  EXPECT_EQ(result.statistics.first_bad[0].reason, "the line is longer than 1 MiB");
  EXPECT_LT(seconds, 5);
  EXPECT_EQ(code_of(file), ErrorCode::kData);
  EXPECT_THAT(message_, HasSubstr(file + ":4: the line is longer than 1 MiB"));
}

TEST_F(BadInput, F32LineOfExactlyTheLimitIsRead) {
  const std::string line(kMaxLineBytes, 'x');
  EXPECT_EQ(reason_of(line), "1 fields instead of 40");
  EXPECT_EQ(reason_of(line + "x"), "the line is longer than 1 MiB");
}

TEST_F(BadInput, F33CarriageReturnsAtLineEndsAndByteOrderMarkAreAccepted) {
  std::string text = "\xef\xbb\xbf";
  for (int row = 0; row < 100; ++row) text += criteo_line(row) + "\r\n";
  const Result result = read(write("a.tsv", text));
  EXPECT_EQ(result.rows.size(), 100u);
  EXPECT_EQ(result.statistics.bad, 0);
}

TEST_F(BadInput, F33OtherOddBytesAreBadRows) {
  EXPECT_THAT(reason_of(with_field(1, 3, std::string(1, '\0'))), HasSubstr("I3: '\\x00'"));
  EXPECT_THAT(reason_of(with_field(1, 14, "1234567\r")), HasSubstr("C1: '1234567\\x0d'"));
  EXPECT_THAT(reason_of(with_field(1, 20, "\xff\xfe")), HasSubstr("C7: '\\xff\\xfe'"));
  EXPECT_THAT(reason_of(with_field(1, 39, "12345678\r\r")), HasSubstr("C26"));
  EXPECT_THAT(reason_of(with_field(1, 16, "0123456g")), HasSubstr("C3: '0123456g'"));
}

TEST_F(BadInput, F33FileWithoutFinalLineEndAndBlankLines) {
  const Result result =
      read(write("a.tsv", criteo_text(0, 2) + "\n\r\n" + criteo_text(2, 1) + criteo_line(3)));
  EXPECT_THAT(result.rows, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(result.statistics.blank, 2);
  EXPECT_EQ(result.statistics.bad, 0);
}

TEST_F(BadInput, F34Integers) {
  EXPECT_THAT(reason_of(with_field(1, 3, "99999999999999999999")), HasSubstr("I3: '9999999"));
  EXPECT_THAT(reason_of(with_field(1, 3, "9223372036854775808")), HasSubstr("64-bit integer"));
  EXPECT_EQ(reason_of(with_field(1, 3, "9223372036854775807")), "");
  EXPECT_EQ(reason_of(with_field(1, 3, "-9223372036854775808")), "");
  EXPECT_EQ(reason_of(with_field(1, 3, "-1")), "");
  EXPECT_EQ(reason_of(with_field(1, 3, "007")), "");
  EXPECT_EQ(reason_of(with_field(1, 3, "")), "");
  for (const std::string text : {"1e3", "0x10", "-", "+1", " 1", "1.5", "nan", "--1"}) {
    EXPECT_THAT(reason_of(with_field(1, 3, text)), HasSubstr("I3: '" + text)) << text;
  }
}

TEST_F(BadInput, F34HexadecimalOfOtherLengths) {
  EXPECT_EQ(reason_of(with_field(1, 20, "ABCDEF01")), "");
  EXPECT_EQ(reason_of(with_field(1, 20, "1")), "");
  EXPECT_EQ(reason_of(with_field(1, 39, "0123456789abcdef")), "");
  EXPECT_THAT(reason_of(with_field(1, 20, "0123456789abcdef0")), HasSubstr("C7"));
  EXPECT_THAT(reason_of(with_field(1, 20, "-1")), HasSubstr("C7"));
}

TEST_F(BadInput, F36Labels) {
  for (const std::string label : {"2", "-1", "0.5", "", "x"}) {
    EXPECT_EQ(reason_of(with_field(1, 0, label)), "label '" + label + "' is neither 0 nor 1");
  }
}

TEST_F(BadInput, F37EmptyFilesAreNamed) {
  const std::string empty = write("b.tsv", "");
  EXPECT_EQ(code_of(empty), ErrorCode::kData);
  EXPECT_EQ(message_, empty + ": has no rows (0 bytes)");
  DataConfig config = small_config({write("a.tsv", criteo_text(0, 5)), empty});
  EXPECT_THROW(make_reader(config, make_schema(config), Part::kTrain, {}), Error);
}

TEST_F(BadInput, F37OnlyAHeader) {
  DataConfig config = small_config({write("a.csv", "x,y\n")});
  config.format = Format::kCsv;
  config.columns = {{.name = "x", .type = ColumnType::kNumeric}};
  try {
    make_reader(config, make_schema(config), Part::kTrain, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kData);
    EXPECT_THAT(e.what(), HasSubstr("a.csv: has no rows (only a header line)"));
  }
}

TEST_F(BadInput, F37BlankAndBadLinesAloneAreNamed) {
  const std::string blank = write("blank.tsv", "\n\n\n");
  EXPECT_EQ(code_of(blank, 1), ErrorCode::kData);
  EXPECT_THAT(message_, AllOf(HasSubstr(blank), HasSubstr("3 blank"), HasSubstr("0 bad")));
  std::string text = "\n";
  for (int i = 0; i < 200; ++i) text += "x\n";
  const std::string bad = write("bad.tsv", text);
  EXPECT_EQ(code_of(bad, 1), ErrorCode::kData);
  EXPECT_THAT(message_, AllOf(HasSubstr("1 blank"), HasSubstr("200 bad"), HasSubstr(bad + ":2: "),
                              HasSubstr("data.format")));
  EXPECT_EQ(read(write("good.tsv", text + criteo_text(7, 1))).rows, std::vector<uint64_t>{7});
}

TEST_F(BadInput, F37APartWithoutRowsIsNamed) {
  DataConfig config = small_config({write("a.tsv", criteo_text(0, 1))});
  config.eval_fraction = 0.9;  // of one row: training gets none
  try {
    make_reader(config, make_schema(config), Part::kTrain, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kData);
    EXPECT_THAT(e.what(), AllOf(HasSubstr("a.tsv"), HasSubstr("data.eval_fraction")));
  }
}

TEST_F(BadInput, F38FileThatChangesWhileReadIsNamed) {
  const std::string file = write("a.tsv", criteo_text(0, 2000));
  const auto change_and_read = [&](auto&& change) {
    write("a.tsv", criteo_text(0, 2000));
    DataConfig config = small_config({file});
    config.prefetch = 0;
    const auto reader = make_reader(config, make_schema(config), Part::kTrain, {.batch_size = 100});
    Batch batch;
    EXPECT_TRUE(reader->next(batch));
    change();
    try {
      while (reader->next(batch)) {
      }
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr(file));
      return e.code();
    }
    return ErrorCode{0};
  };
  EXPECT_EQ(change_and_read([&] { std::filesystem::resize_file(file, 1000); }), ErrorCode::kData);
  EXPECT_EQ(change_and_read([&] { std::ofstream(file, std::ios::app) << "x"; }), ErrorCode::kData);
  EXPECT_EQ(change_and_read([&] { std::filesystem::remove(file); }), ErrorCode::kMissing);
  const auto bytes = std::filesystem::file_size(write("a.tsv", criteo_text(0, 2000)));
  EXPECT_EQ(change_and_read([&] { write("a.tsv", std::string(bytes, '\n')); }), ErrorCode::kData);
}

TEST_F(BadInput, MissingFilesAndFoldersAreRefused) {
  EXPECT_EQ(code_of(path("absent.tsv")), ErrorCode::kMissing);
  EXPECT_THAT(message_, HasSubstr("absent.tsv"));
  EXPECT_EQ(code_of(path("part-*.tsv")), ErrorCode::kMissing);
  EXPECT_EQ(code_of(path("")), ErrorCode::kConfig);
}

}  // namespace
}  // namespace strata::data
