#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace strata::train {

/// One scalar of a TensorBoard event file.
struct Scalar {
  std::string tag;
  double value = 0;
  int64_t step = 0;
  double wall_seconds = 0;  // since 1970
};

/// A TFRecord of `payload`: length u64 LE, masked CRC-32C of the length, payload, masked CRC-32C of
/// the payload. Source: TensorFlow, core/lib/io/record_writer.cc.
std::string tf_record(std::string_view payload);

/// The record that opens an event file ("brain.Event:2"); wall time in seconds since 1970.
std::string tensorboard_header(double wall_seconds);

/// The record of one scalar: protobuf Event {1: wall_time, 2: step, 5: Summary {1: Value {1: tag,
/// 2: simple_value}}}. Source: tensorflow/core/util/event.proto.
std::string tensorboard_scalar(const Scalar& scalar);

/// CRC-32C (Castagnoli) of `bytes`.
uint32_t crc32c(std::string_view bytes);

}  // namespace strata::train
