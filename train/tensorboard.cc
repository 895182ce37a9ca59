#include "train/tensorboard.h"

#include <array>
#include <bit>
#include <cstring>

namespace strata::train {
namespace {

static_assert(std::endian::native == std::endian::little, "fields are written as they lie");

constexpr uint32_t kCastagnoli = 0x82f63b78;  // reflected polynomial
constexpr uint32_t kMaskDelta = 0xa282ead8;

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = crc_table();

uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

template <class T>
void append_fixed(T value, std::string& out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

// Wire types of protobuf.
constexpr int kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;

void append_varint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void append_tag(int field, int wire_type, std::string& out) {
  append_varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type), out);
}

void append_bytes(int field, std::string_view bytes, std::string& out) {
  append_tag(field, kLengthDelimited, out);
  append_varint(bytes.size(), out);
  out += bytes;
}

std::string event_start(double wall_seconds) {
  std::string event;
  append_tag(1, kFixed64, event);
  append_fixed(wall_seconds, event);
  return event;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

std::string tf_record(std::string_view payload) {
  std::string record;
  append_fixed(static_cast<uint64_t>(payload.size()), record);
  append_fixed(masked_crc(record), record);
  record += payload;
  append_fixed(masked_crc(payload), record);
  return record;
}

std::string tensorboard_header(double wall_seconds) {
  std::string event = event_start(wall_seconds);
  append_bytes(3, "brain.Event:2", event);
  return tf_record(event);
}

std::string tensorboard_scalar(const Scalar& scalar) {
  std::string value;
  append_bytes(1, scalar.tag, value);
  append_tag(2, kFixed32, value);
  append_fixed(static_cast<float>(scalar.value), value);
  std::string summary;
  append_bytes(1, value, summary);
  std::string event = event_start(scalar.wall_seconds);
  append_tag(2, kVarint, event);
  append_varint(static_cast<uint64_t>(scalar.step), event);
  append_bytes(5, summary, event);
  return tf_record(event);
}

}  // namespace strata::train
