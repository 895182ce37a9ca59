#pragma once
// An ONNX model (opset 13) being written: nodes, constants, inputs, one output.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "serving/protobuf_writer.h"

namespace strata::serving {

/// Builds the graph node by node, in the order of computation. Values are known by name; names of
/// intermediate values are made here. Field numbers are those of onnx.proto.
class OnnxGraph {
 public:
  struct Attribute {
    std::string_view name;
    std::variant<int64_t, float, std::vector<int64_t>> value;
  };

  /// A graph input [N, width] in fp32.
  void add_input(const std::string& name, int64_t width);
  /// The graph's output [N, width]: renames `value`.
  void add_output(const std::string& name, const std::string& value, int64_t width);

  /// A constant; `name` is kept where it is given. Equal int64 constants are stored once.
  std::string constant(const std::string& name, std::span<const float> values,
                       std::span<const int64_t> shape);
  std::string constant(const std::vector<int64_t>& values);

  /// A node with one output, whose name is returned.
  std::string node(std::string_view op, const std::vector<std::string>& inputs,
                   const std::vector<Attribute>& attributes = {});

  /// The whole model, serialised.
  std::string serialise(std::string_view version) const;

 private:
  ProtobufWriter graph_;  // GraphProto without its name
  std::map<std::vector<int64_t>, std::string> constants_;
  int64_t values_ = 0;
};

}  // namespace strata::serving
