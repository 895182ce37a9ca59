// Files in and out: globs, compression, the reader over every compression.

#include <gmock/gmock.h>

#include <algorithm>

#include "base/error.h"
#include "data/block_source.h"
#include "data/check.h"
#include "data/distinct_counter.h"
#include "data/input_file.h"
#include "data/split.h"
#include "data/text_writer.h"
#include "tests/data/input_fixture.h"

namespace strata::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Files : public InputTest {
 protected:
  std::string write_as(const std::string& name, const std::string& text) {
    const auto writer = create_text(path(name));
    for (size_t i = 0; i < text.size(); i += 100'000) {
      writer->write(std::string_view(text).substr(i, 100'000));
    }
    writer->finish();
    return path(name);
  }
  /// The whole text, read in pieces of `piece` bytes.
  static std::string text_of(const std::string& file, size_t piece) {
    const auto stream = open_text(file);
    std::string text;
    std::vector<char> buffer(piece);
    while (const int64_t got = stream->read(buffer)) {
      text.append(buffer.data(), static_cast<size_t>(got));
    }
    return text;
  }
  static std::string bytes_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string failure_of(const std::string& file) {
    try {
      text_of(file, 1 << 16);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kData);
      EXPECT_THAT(e.what(), HasSubstr(file));
      return e.what();
    }
    return "read";
  }
};

TEST_F(Files, GlobsAreInNaturalOrder) {
  for (const char* name : {"part-10", "part-9", "part-1", "other"}) write(name, "x\n");
  const std::vector<std::string> patterns = {path("part-*"), path("other")};
  EXPECT_THAT(expand_inputs(patterns),
              ElementsAre(path("part-1"), path("part-9"), path("part-10"), path("other")));
  EXPECT_TRUE(natural_less("a01", "a1"));
  EXPECT_FALSE(natural_less("a1", "a01"));
  EXPECT_TRUE(natural_less("a2b3", "a2b10"));
  EXPECT_FALSE(natural_less("a", "a"));
}

TEST_F(Files, EveryCompressionGivesTheSameText) {
  const std::string text = criteo_text(0, 4000);
  for (const char* name : {"a.tsv", "a.tsv.gz", "a.tsv.zst"}) {
    const std::string file = write_as(name, text);
    for (const size_t piece : {size_t{1} << 20, size_t{4099}, size_t{7}}) {
      EXPECT_TRUE(text_of(file, piece) == text) << name << " in pieces of " << piece;
    }
  }
}

TEST_F(Files, ConcatenatedMembersAreOneText) {
  for (const std::string suffix : {".gz", ".zst"}) {
    const std::string one = bytes_of(write_as("1" + suffix, criteo_text(0, 10)));
    const std::string two = bytes_of(write_as("2" + suffix, criteo_text(10, 10)));
    EXPECT_EQ(text_of(write("both" + suffix, one + two), 333), criteo_text(0, 20));
  }
  const std::string one = bytes_of(path("1.gz"));
  EXPECT_EQ(text_of(write("padded.gz", one + std::string(600, '\0')), 333), criteo_text(0, 10));
}

TEST_F(Files, DamagedCompressionIsNamed) {
  for (const std::string suffix : {".gz", ".zst"}) {
    const std::string whole = bytes_of(write_as("w" + suffix, criteo_text(0, 2000)));
    for (const size_t cut : {whole.size() - 1, whole.size() / 2, size_t{20}}) {
      EXPECT_THAT(failure_of(write("cut" + suffix, whole.substr(0, cut))), HasSubstr("early"))
          << suffix << " cut at " << cut;
    }
    std::string flipped = whole;
    flipped[whole.size() / 2] ^= 0x10;
    EXPECT_NE(failure_of(write("flipped" + suffix, flipped)), "read");
    EXPECT_THAT(failure_of(write("plain" + suffix, "0\t1\n")), HasSubstr("as its name says"));
    EXPECT_NE(failure_of(write("tail" + suffix, whole + "junk, not a member")), "read");
  }
}

/// What reading every row says; "read" without complaint.
std::string complaint_about(const DataConfig& config) {
  try {
    check_data(config, config.train);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kData);
    return e.what();
  }
  return "read";
}

/// A good row and lines of blanks that compress a thousandfold: few, so that the text is large
/// and the work is not.
std::string expanding_text(int mib) {
  std::string text = criteo_line(1) + "\n";
  for (int i = 0; i < mib; ++i) text.append(kMaxLineBytes - 1, ' ').push_back('\n');
  return text;
}

TEST_F(Files, TextThatExpandsBeyondTheLimitIsRefused) {
  const std::string text = expanding_text(48);
  for (const std::string suffix : {".gz", ".zst"}) {
    const std::string file = write_as("bomb" + suffix, text);
    const std::string said = complaint_about(small_config({file}));
    EXPECT_THAT(said, HasSubstr(file));
    EXPECT_THAT(said, HasSubstr("expands to more than 100 times its size"));
    EXPECT_THAT(said, HasSubstr("data.max_expansion"));
  }
}

TEST_F(Files, ALimitThatIsRaisedLetsTextThrough) {
  DataConfig config = small_config({write_as("blank.gz", expanding_text(48))});
  config.max_expansion = 2000;
  EXPECT_EQ(complaint_about(config), "read");
  SplitRequest request{.inputs = config.train,
                       .split = Split::kTime,
                       .train_out = path("train.gz"),
                       .eval_out = path("eval.gz")};
  EXPECT_THROW(split_files(request), Error);
  request.max_expansion = 2000;
  EXPECT_NO_THROW(split_files(request));
}

TEST_F(Files, SmallAndOrdinaryTextIsNeverAnExpansion) {
  for (const std::string suffix : {".gz", ".zst"}) {
    EXPECT_EQ(complaint_about(small_config({write_as("a" + suffix, expanding_text(8))})), "read");
  }
}

TEST_F(Files, FormatsThatAreNotReadSayHowToConvertThem) {
  struct Other {
    std::string name, bytes, command;
  };
  for (const Other& other :
       {Other{"a.tsv.bz2", "BZh91AY&SY\x01", "bzcat {0} | zstd -o {1}.zst"},
        Other{"a.tsv.xz", "\xfd\x37zXZ", "xzcat {0} | zstd -o {1}.zst"},
        Other{"a.tsv.zip", "PK\x03\x04\x14", "unzip -p {0} | zstd -o {1}.zst"},
        Other{"a.parquet", "PAR1\x15\x04", "read_parquet('{0}').to_csv('{1}.csv.gz'"}}) {
    const std::string stem = path(other.name.substr(0, other.name.rfind('.')));
    // By its name whatever is in it, and by what is in it whatever its name.
    for (const auto& [name, bytes] :
         {std::pair(other.name, std::string("0\t1\n")), std::pair(other.name, other.bytes)}) {
      const std::string said = failure_of(write(name, bytes));
      EXPECT_THAT(said, HasSubstr("plain, gzip or zstd"));
      EXPECT_THAT(said, HasSubstr(fmt::format(fmt::runtime(other.command), path(name), stem)));
    }
    const std::string unnamed = write("data", other.bytes);
    EXPECT_THAT(failure_of(unnamed),
                HasSubstr(fmt::format(fmt::runtime(other.command), unnamed, unnamed)));
  }
  EXPECT_EQ(text_of(write("b.tsv", "PAR1\tPK\tBZh9\n"), 64), "PAR1\tPK\tBZh9\n");
}

TEST_F(Files, CompressedInputHasTheSameRowsAndResumes) {
  const std::string text = criteo_text(0, 2000);
  DataConfig config =
      small_config({write_as("a.gz", text), write_as("b.zst", criteo_text(2000, 900))});
  const Schema schema = make_schema(config);
  const ReadPlan plan{.batch_size = 150, .epochs = 2};
  const auto whole = read_all(*make_reader(config, schema, Part::kTrain, plan));
  auto ids = ids_of({whole.begin(), whole.begin() + 20});
  EXPECT_EQ(ids.size(), 2900u);
  std::sort(ids.begin(), ids.end());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], i);
  for (const size_t at : {size_t{3}, size_t{11}, size_t{25}}) {
    ReadPlan rest = plan;
    rest.start = whole[at].position;
    const auto resumed = read_all(*make_reader(config, schema, Part::kTrain, rest));
    expect_equal({whole.begin() + static_cast<int64_t>(at), whole.end()}, resumed);
  }
  config.shuffle = false;
  const auto plain = small_config({write("a.tsv", text + criteo_text(2000, 900))});
  DataConfig in_order = plain;
  in_order.shuffle = false;
  expect_equal(read_all(*make_reader(config, schema, Part::kTrain, plan)),
               read_all(*make_reader(in_order, schema, Part::kTrain, plan)));
}

TEST_F(Files, WriterLeavesNothingWithoutFinishAndRefusesToOverwrite) {
  { create_text(path("a.gz"))->write("text"); }
  EXPECT_TRUE(std::filesystem::is_empty(std::filesystem::path(path("")).parent_path()));
  write_as("a.gz", "text");
  EXPECT_THROW(create_text(path("a.gz")), Error);
  try {
    create_text(path("absent/a.gz"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kIo);
  }
}

TEST_F(Files, SplitFilesAgreeWithTheReadersSplit) {
  const std::string input = write("a.tsv", criteo_text(0, 1000));
  for (const Split split : {Split::kTime, Split::kRandom}) {
    const std::string name(enum_name(split));
    const SplitRequest request{.inputs = {input},
                               .split = split,
                               .eval_fraction = 0.2,
                               .train_out = path(name + ".train.zst"),
                               .eval_out = path(name + ".eval.gz")};
    const SplitResult result = split_files(request);
    EXPECT_EQ(result.train_rows + result.eval_rows, 1000);
    DataConfig config = small_config({input});
    config.shuffle = false;
    config.eval_fraction = 0.2;
    config.split = split;
    const auto schema = make_schema(config);
    const auto rows = ids_of(read_all(*make_reader(config, schema, Part::kEval, {})));
    EXPECT_EQ(std::ssize(rows), result.eval_rows);
    std::string expected;
    for (const uint64_t row : rows) expected += criteo_text(static_cast<int64_t>(row), 1);
    EXPECT_EQ(text_of(request.eval_out, 1000), expected);
  }
}

TEST_F(Files, SplitKeepsTheHeader) {
  const std::string input = write("a.csv", "x,y\n1,2\n3,4\n5,6\n7,8\n");
  split_files({.inputs = {input},
               .split = Split::kTime,
               .eval_fraction = 0.25,
               .header = true,
               .train_out = path("t.csv"),
               .eval_out = path("e.csv")});
  EXPECT_EQ(bytes_of(path("t.csv")), "x,y\n1,2\n3,4\n5,6\n");
  EXPECT_EQ(bytes_of(path("e.csv")), "x,y\n7,8\n");
}

TEST_F(Files, CheckTellsWhatIsInside) {
  const std::string file = write("a.tsv", criteo_text(0, 1000) + "bad\n\n" + criteo_text(0, 200));
  const DataReport report = check_data(DataConfig{}, {file});
  EXPECT_EQ(report.lines, 1202);
  EXPECT_EQ(report.good, 1200);
  EXPECT_EQ(report.bad, 1);
  EXPECT_EQ(report.blank, 1);
  EXPECT_EQ(report.first_bad.at(0).line, 1001);
  EXPECT_DOUBLE_EQ(report.positive_rate(), 0.25);
  const FieldReport& i1 = report.fields[0];
  EXPECT_EQ(i1.name, "I1");
  EXPECT_EQ(i1.distinct, 1000);
  EXPECT_EQ(i1.high, 999);
  EXPECT_EQ(report.fields[2].missing, 1200);  // I3
  EXPECT_EQ(report.fields[14].name, "C2");
  EXPECT_EQ(report.fields[14].missing, 1200);
  EXPECT_EQ(to_json(report)["fields"][2]["low"], nullptr);
}

TEST(DistinctCounter, IsExactThenWithinThreePercent) {
  DistinctCounter counter;
  for (uint64_t i = 0; i < 50'000; ++i) counter.add(i % 40'000);
  EXPECT_TRUE(counter.exact());
  EXPECT_EQ(counter.count(), 40'000);
  for (uint64_t i = 0; i < 1'000'000; ++i) counter.add(i);
  EXPECT_FALSE(counter.exact());
  EXPECT_NEAR(counter.count(), 1e6, 3e4);
}

}  // namespace
}  // namespace strata::data
