#include "serving/onnx_graph.h"

#include <fmt/format.h>

#include <type_traits>

namespace strata::serving {
namespace {

// onnx.proto
enum ModelField { kIrVersion = 1, kProducer = 2, kProducerVersion = 3, kGraph = 7, kOpset = 8 };
enum GraphField { kNode = 1, kGraphName = 2, kInitializer = 5, kInput = 11, kOutput = 12 };
enum NodeField { kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kOpType = 4, kAttribute = 5 };
enum TensorField { kDims = 1, kDataType = 2, kTensorName = 8, kRawData = 9 };
constexpr int kFloat = 1;  // TensorProto.DataType
constexpr int kInt64 = 7;
constexpr int64_t kIrVersion7 = 7;  // goes with opset 13
constexpr int64_t kOpsetVersion = 13;

ProtobufWriter tensor(const std::string& name, int type, std::span<const int64_t> shape,
                      std::span<const std::byte> data) {
  ProtobufWriter out;
  for (const int64_t extent : shape) out.add_int(kDims, extent);
  out.add_int(kDataType, type);
  out.add_bytes(kTensorName, name);
  out.add_bytes(kRawData, {reinterpret_cast<const char*>(data.data()), data.size()});
  return out;
}

/// ValueInfoProto of a value [N, width].
ProtobufWriter value_info(const std::string& name, int64_t width) {
  ProtobufWriter rows;
  rows.add_bytes(2, "N");
  ProtobufWriter cols;
  cols.add_int(1, width);
  ProtobufWriter shape;
  shape.add(1, rows);
  shape.add(1, cols);
  ProtobufWriter tensor_type;
  tensor_type.add_int(1, kFloat);
  tensor_type.add(2, shape);
  ProtobufWriter type;
  type.add(1, tensor_type);
  ProtobufWriter out;
  out.add_bytes(1, name);
  out.add(2, type);
  return out;
}

ProtobufWriter attribute_proto(const OnnxGraph::Attribute& attribute) {
  constexpr int kName = 1, kF = 2, kI = 3, kInts = 8, kType = 20;
  constexpr int kTypeFloat = 1, kTypeInt = 2, kTypeInts = 7;
  ProtobufWriter out;
  out.add_bytes(kName, attribute.name);
  std::visit(
      [&](const auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, float>) {
          out.add_float(kF, value);
          out.add_int(kType, kTypeFloat);
        } else if constexpr (std::is_same_v<T, int64_t>) {
          out.add_int(kI, value);
          out.add_int(kType, kTypeInt);
        } else {
          for (const int64_t i : value) out.add_int(kInts, i);
          out.add_int(kType, kTypeInts);
        }
      },
      attribute.value);
  return out;
}

}  // namespace

void OnnxGraph::add_input(const std::string& name, int64_t width) {
  graph_.add(kInput, value_info(name, width));
}

void OnnxGraph::add_output(const std::string& name, const std::string& value, int64_t width) {
  ProtobufWriter out;
  out.add_bytes(kNodeInput, value);
  out.add_bytes(kNodeOutput, name);
  out.add_bytes(kNodeName, name);
  out.add_bytes(kOpType, "Identity");
  graph_.add(kNode, out);
  graph_.add(kOutput, value_info(name, width));
}

std::string OnnxGraph::constant(const std::string& name, std::span<const float> values,
                                std::span<const int64_t> shape) {
  graph_.add(kInitializer, tensor(name, kFloat, shape, std::as_bytes(values)));
  return name;
}

std::string OnnxGraph::constant(const std::vector<int64_t>& values) {
  const auto [at, added] = constants_.try_emplace(values);
  if (!added) return at->second;
  at->second = fmt::format("const_{}", constants_.size());
  const auto count = static_cast<int64_t>(values.size());
  graph_.add(kInitializer,
             tensor(at->second, kInt64, std::span(&count, 1), std::as_bytes(std::span(values))));
  return at->second;
}

std::string OnnxGraph::node(std::string_view op, const std::vector<std::string>& inputs,
                            const std::vector<Attribute>& attributes) {
  const std::string name = fmt::format("{}_{}", op, ++values_);
  ProtobufWriter out;
  for (const std::string& input : inputs) out.add_bytes(kNodeInput, input);
  out.add_bytes(kNodeOutput, name);
  out.add_bytes(kNodeName, name);
  out.add_bytes(kOpType, op);
  for (const Attribute& attribute : attributes) out.add(kAttribute, attribute_proto(attribute));
  graph_.add(kNode, out);
  return name;
}

std::string OnnxGraph::serialise(std::string_view version) const {
  ProtobufWriter graph = graph_;
  graph.add_bytes(kGraphName, "strata");
  ProtobufWriter opset;
  opset.add_bytes(1, "");
  opset.add_int(2, kOpsetVersion);
  ProtobufWriter model;
  model.add_int(kIrVersion, kIrVersion7);
  model.add_bytes(kProducer, "strata");
  model.add_bytes(kProducerVersion, version);
  model.add(kGraph, graph);
  model.add(kOpset, opset);
  return model.text();
}

}  // namespace strata::serving
