#include "storage/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/publication.h"
#include "tests/storage/memory_file_system.h"

namespace strata::storage {
namespace {

using testing::HasSubstr;

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    return e.what();
  }
  return "nothing was thrown";
}

Manifest sample() {
  Manifest manifest;
  manifest.magic = kCheckpointMagic;
  manifest.about = {{"step", 1200}, {"tables", {{"C3", {{"dim", 16}}}}}};
  manifest.files = {{"a", 10, 2, 0x0123456789abcdef}, {"b/c", 0, 0, 0xfedcba9876543210}};
  return manifest;
}

TEST(Manifest, TextIsReadBack) {
  const Manifest read = parse_manifest(to_text(sample()), "m");
  EXPECT_EQ(read.files, sample().files);
  EXPECT_EQ(read.about, sample().about);
  EXPECT_EQ(read.find("b/c")->xxh3, 0xfedcba9876543210);
  EXPECT_EQ(read.find("b"), nullptr);
  EXPECT_EQ(to_text(read), to_text(sample()));
}

TEST(Manifest, EveryChangedBitIsSeen) {
  const std::string text = to_text(sample());
  for (size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_THROW(parse_manifest(damaged, "m"), Error) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(Manifest, EveryTruncationIsSeen) {
  const std::string text = to_text(sample());
  for (size_t n = 0; n < text.size(); ++n)
    EXPECT_THROW(parse_manifest(text.substr(0, n), "m"), Error);
  EXPECT_THROW(parse_manifest(text + "\n", "m"), Error);
}

TEST(Manifest, ANewerFormatIsSaidAsSuch) {
  Manifest manifest = sample();
  manifest.format = 2;
  EXPECT_THAT(message_of([&] { parse_manifest(to_text(manifest), "m"); }),
              HasSubstr("written by format 2; this build reads <= 1"));
}

TEST(Manifest, UncleanRepeatedAndUnorderedNamesAreRefused) {
  const std::vector<std::vector<std::string>> bad = {
      {"../x"}, {"/x"}, {"a//b"}, {"manifest.json"}, {"a", "a"}, {"b", "a"}, {""}};
  for (const auto& names : bad) {
    Manifest manifest = sample();
    manifest.files.clear();
    for (const auto& name : names) manifest.files.push_back({name, 1, 1, 1});
    EXPECT_THROW(parse_manifest(to_text(manifest), "m"), Error) << names[0];
  }
}

TEST(Manifest, ALongerOneThanTheLimitIsRefusedUnread) {
  MemoryFileSystem files;
  files.make_directory("d", DurableStep::kTemporaryCreate);
  files.create("d/manifest.json", DurableStep::kManifestCreate);
  files.content("d/manifest.json").resize(kManifestLimitBytes + 1);
  EXPECT_THAT(message_of([&] { read_manifest(files, "d", ""); }), HasSubstr("the limit is"));
}

class VerifyDirectory : public testing::Test {
 protected:
  VerifyDirectory() {
    Publication publication(files_, "v1", std::string(kExportMagic));
    publication.write("a.npy", std::string(300, 'a'));
    publication.write("tables/C1/part", "0123456789");
    publication.write("empty", "");
    publication.publish({{"step", 1}});
  }
  /// Name and damage of the only finding.
  std::pair<std::string, Damage> only_finding() {
    const auto findings = verify_directory(files_, "v1", kExportMagic);
    EXPECT_EQ(findings.size(), 1u);
    return findings.empty() ? std::pair(std::string(), Damage::kInvalid)
                            : std::pair(findings[0].file, findings[0].damage);
  }
  MemoryFileSystem files_;
};

TEST_F(VerifyDirectory, AnIntactOneHasNoFindings) {
  EXPECT_TRUE(verify_directory(files_, "v1", kExportMagic).empty());
}

TEST_F(VerifyDirectory, NamesTheMissingFile) {
  files_.remove("v1/empty", DurableStep::kRetentionRemove);
  EXPECT_EQ(only_finding(), std::pair(std::string("empty"), Damage::kMissing));
}

TEST_F(VerifyDirectory, NamesTheTruncatedFile) {
  files_.content("v1/tables/C1/part").resize(9);
  EXPECT_EQ(only_finding(), std::pair(std::string("tables/C1/part"), Damage::kTruncated));
}

TEST_F(VerifyDirectory, NamesTheAlteredFile) {
  files_.content("v1/a.npy")[299] ^= 1;
  EXPECT_EQ(only_finding(), std::pair(std::string("a.npy"), Damage::kAltered));
}

TEST_F(VerifyDirectory, NamesTheExtraFile) {
  files_.create("v1/tables/x", DurableStep::kPartCreate);
  EXPECT_EQ(only_finding(), std::pair(std::string("tables/x"), Damage::kExtra));
}

TEST_F(VerifyDirectory, NamesTheManifestWhenItIsGone) {
  files_.remove("v1/manifest.json", DurableStep::kRetentionRemove);
  EXPECT_EQ(only_finding(), std::pair(std::string("manifest.json"), Damage::kInvalid));
}

TEST_F(VerifyDirectory, NamesTheManifestOfAnotherKind) {
  EXPECT_EQ(verify_directory(files_, "v1", kCheckpointMagic).at(0).damage, Damage::kInvalid);
}

}  // namespace
}  // namespace strata::storage
