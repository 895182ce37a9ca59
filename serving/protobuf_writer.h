#pragma once
// Just enough of protobuf's wire format to write a message: varints, fixed 32 and bytes.
// https://protobuf.dev/programming-guides/encoding

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace strata::serving {

/// One message being written; nested messages are written first and added as bytes.
class ProtobufWriter {
 public:
  void add_int(int field, int64_t value) {
    tag(field, 0);
    varint(static_cast<uint64_t>(value));
  }
  void add_float(int field, float value) {
    tag(field, 5);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) out_ += static_cast<char>(bits >> shift);
  }
  void add_bytes(int field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    out_ += value;
  }
  void add(int field, const ProtobufWriter& message) { add_bytes(field, message.out_); }
  const std::string& text() const { return out_; }

 private:
  void tag(int field, int wire_type) { varint(static_cast<uint64_t>(field) << 3 | wire_type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

}  // namespace strata::serving
