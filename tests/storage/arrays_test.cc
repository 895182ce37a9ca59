// npy and safetensors: what is written is read back, and every damaged byte of a header ends in an
// error or in the same content.

#include <gtest/gtest.h>

#include "storage/npy.h"
#include "storage/safetensors.h"
#include "tests/storage/memory_file_system.h"

namespace strata::storage {
namespace {

void publish(MemoryFileSystem& files, const std::function<void(PartWriter&)>& write) {
  Publication publication(files, "d", "m");
  auto part = publication.create("x");
  write(*part);
  publication.close(std::move(part));
  publication.publish(nlohmann::ordered_json::object());
}

class NpyFiles : public testing::TestWithParam<NpyHeader> {};
INSTANTIATE_TEST_SUITE_P(Shapes, NpyFiles,
                         testing::Values(NpyHeader{NpyType::kU64, 5, 0},
                                         NpyHeader{NpyType::kF32, 0, 16},
                                         NpyHeader{NpyType::kF32, 3, 17},
                                         NpyHeader{NpyType::kF16, 2, 1},
                                         NpyHeader{NpyType::kU16, 1'000'000, 2}));

TEST_P(NpyFiles, AreReadBack) {
  MemoryFileSystem files;
  const NpyHeader header = GetParam();
  std::string data(static_cast<size_t>(header.rows * header.row_bytes()), '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  publish(files, [&](PartWriter& part) {
    write_npy_header(part, header);
    part.append(data);
  });
  const NpyReader reader(files.open("d/x"));
  EXPECT_EQ(reader.header(), header);
  std::string read(data.size(), '\0');
  reader.read_rows(0, std::as_writable_bytes(std::span(read)));
  EXPECT_EQ(read, data);
}

TEST(Npy, DamagedHeadersAreCorrupt) {
  MemoryFileSystem files;
  publish(files, [&](PartWriter& part) {
    write_npy_header(part, {NpyType::kF32, 2, 3});
    part.append(std::string(24, 'x'));
  });
  const std::string whole = files.content("d/x");
  for (size_t at = 0; at < whole.size() - 24; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      files.content("d/x") = whole;
      files.content("d/x")[at] ^= static_cast<char>(1 << bit);
      try {
        const NpyHeader header = NpyReader(files.open("d/x")).header();
        EXPECT_EQ(header.rows * header.row_bytes(), 24);  // another type of the same width
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
      }
    }
  }
  for (size_t n = 0; n < whole.size(); ++n) {
    files.content("d/x") = whole.substr(0, n);
    EXPECT_THROW(NpyReader(files.open("d/x")), Error) << n;
  }
}

TEST(Npy, SizesThatOverflowAreCorrupt) {
  MemoryFileSystem files;
  publish(files, [&](PartWriter& part) {
    write_npy_header(part, {NpyType::kF32, int64_t{1} << 61, int64_t{1} << 61});
  });
  EXPECT_THROW(NpyReader(files.open("d/x")), Error);
}

TEST(Safetensors, AreReadBack) {
  MemoryFileSystem files;
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<float> b = {-0.0f};
  publish(files, [&](PartWriter& part) {
    const TensorRef tensors[] = {{"top.0.weight", {2, 3}, a}, {"b", {1}, b}, {"none", {0}, {}}};
    write_safetensors(part, tensors);
  });
  const SafetensorsReader reader(files.open("d/x"));
  ASSERT_EQ(reader.tensors().size(), 3u);
  const TensorInfo* found = reader.find("top.0.weight");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->shape, (std::vector<int64_t>{2, 3}));
  std::vector<float> read(6);
  reader.read(*found, read);
  EXPECT_EQ(read, a);
  EXPECT_EQ(reader.find("c"), nullptr);
}

TEST(Safetensors, EveryTruncationIsCorrupt) {
  MemoryFileSystem files;
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  publish(files, [&](PartWriter& part) {
    const TensorRef tensors[] = {{"a", {6}, a}};
    write_safetensors(part, tensors);
  });
  const std::string whole = files.content("d/x");
  for (size_t n = 0; n < whole.size(); ++n) {
    files.content("d/x") = whole.substr(0, n);
    EXPECT_THROW(SafetensorsReader(files.open("d/x")), Error) << n;
  }
}

TEST(Safetensors, HostileHeadersAreCorrupt) {
  const char* headers[] = {
      "[]",
      "{",
      "{\"a\": 1}",
      R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})",
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}})",
      R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      R"({"a":{"dtype":"F32","shape":[9223372036854775807,3],"data_offsets":[0,8]}})",
      R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
  };
  for (const std::string header : headers) {
    MemoryFileSystem files;
    publish(files, [&](PartWriter& part) {
      const uint64_t length = header.size();
      part.append(std::as_bytes(std::span(&length, 1)));
      part.append(header + std::string(8, '\0'));
    });
    EXPECT_THROW(SafetensorsReader(files.open("d/x")), Error) << header;
  }
}

}  // namespace
}  // namespace strata::storage
