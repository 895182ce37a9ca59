#include "serving/export_onnx.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/check.h"
#include "serving/onnx_graph.h"

namespace strata::serving {
namespace {

using dense::LayerDescription;
using dense::LayerKind;
using dense::Tensor;

/// The value that fills columns [column, column + width) of a buffer of the program.
struct Piece {
  int column = 0;
  int width = 0;
  std::string value;
};

/// Walks a program and writes its layers as nodes. Buffers are written in pieces and read in
/// slices: a slice of several pieces becomes a Concat, a part of a piece becomes a Slice.
class ProgramWriter {
 public:
  explicit ProgramWriter(const models::Network& network)
      : program_(network.program()), parameters_(network.parameters()) {}

  OnnxGraph& graph() { return graph_; }
  void write(Tensor tensor, std::string value) {
    buffers_[tensor.buffer].push_back({tensor.column, tensor.width, std::move(value)});
  }
  std::string read(Tensor tensor);
  void add_layers();

 private:
  std::string slice(const Piece& piece, int begin, int end);
  std::string parameter(dense::ParameterId id);
  std::string vectors(const std::string& x, int width, int dim);
  std::string activate(const std::string& x, kernels::Activation activation);
  std::string add_layer(const LayerDescription& layer, const std::vector<Tensor>& inputs);
  std::string add_linear(const LayerDescription& layer, const std::string& x);
  std::string add_batch_norm(const LayerDescription& layer, const std::string& x);
  std::string add_dots(const LayerDescription& layer, Tensor x);
  std::string add_pairs(const LayerDescription& layer, Tensor x);
  std::string add_sum(const LayerDescription& layer, const std::vector<Tensor>& inputs);

  const dense::Program& program_;
  const dense::Parameters& parameters_;
  OnnxGraph graph_;
  std::map<int, std::vector<Piece>> buffers_;
};

std::string ProgramWriter::slice(const Piece& piece, int begin, int end) {
  if (begin == piece.column && end == piece.column + piece.width) return piece.value;
  return graph_.node("Slice", {piece.value, graph_.constant({begin - piece.column}),
                               graph_.constant({end - piece.column}), graph_.constant({1})});
}

std::string ProgramWriter::read(Tensor tensor) {
  auto& pieces = buffers_[tensor.buffer];
  std::ranges::sort(pieces, {}, &Piece::column);
  const int end = tensor.column + tensor.width;
  std::vector<std::string> values;
  int at = tensor.column;
  for (const Piece& piece : pieces) {
    if (piece.column > at || piece.column + piece.width <= at || at == end) continue;
    const int stop = std::min(end, piece.column + piece.width);
    values.push_back(slice(piece, at, stop));
    at = stop;
  }
  STRATA_CHECK(at == end, "a layer reads columns nobody wrote", tensor.buffer, at, end);
  if (values.size() == 1) return values.front();
  return graph_.node("Concat", values, {{"axis", int64_t{1}}});
}

std::string ProgramWriter::parameter(dense::ParameterId id) {
  const dense::ParameterInfo& tensor = parameters_.tensors()[static_cast<size_t>(id.index)];
  return graph_.constant(tensor.name, parameters_.weights(tensor), tensor.shape);
}

/// [N, width] as [N, width / dim, dim].
std::string ProgramWriter::vectors(const std::string& x, int width, int dim) {
  return graph_.node("Reshape", {x, graph_.constant({-1, width / dim, dim})});
}

std::string ProgramWriter::activate(const std::string& x, kernels::Activation activation) {
  switch (activation) {
    case kernels::Activation::kRelu:
      return graph_.node("Relu", {x});
    case kernels::Activation::kSigmoid:
      return graph_.node("Sigmoid", {x});
    default:
      return x;
  }
}

std::string ProgramWriter::add_linear(const LayerDescription& layer, const std::string& x) {
  std::vector<std::string> inputs = {x};
  for (const dense::ParameterId id : layer.parameters) inputs.push_back(parameter(id));
  return activate(graph_.node("Gemm", inputs, {{"transB", int64_t{1}}}), layer.activation);
}

std::string ProgramWriter::add_batch_norm(const LayerDescription& layer, const std::string& x) {
  std::vector<std::string> inputs = {x};
  for (const dense::ParameterId id : layer.parameters) inputs.push_back(parameter(id));
  return activate(graph_.node("BatchNormalization", inputs, {{"epsilon", layer.epsilon}}),
                  layer.activation);
}

std::string ProgramWriter::add_dots(const LayerDescription& layer, Tensor x) {
  const int count = x.width / layer.dim;
  const std::string flat = read(x);
  const std::string rows = vectors(flat, x.width, layer.dim);
  const std::string columns =
      graph_.node("Transpose", {rows}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  const std::string dots = graph_.node(
      "Reshape", {graph_.node("MatMul", {rows, columns}), graph_.constant({-1, count * count})});
  std::vector<int64_t> lower;
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < i; ++j) lower.push_back(int64_t{i} * count + j);
  }
  const std::string first = slice({0, x.width, flat}, 0, layer.dim);
  if (lower.empty()) return first;
  const std::string pairs =
      graph_.node("Gather", {dots, graph_.constant(lower)}, {{"axis", int64_t{1}}});
  return graph_.node("Concat", {first, pairs}, {{"axis", int64_t{1}}});
}

/// Sum of all pairs' dots: half of (square of the sum - sum of the squares).
std::string ProgramWriter::add_pairs(const LayerDescription& layer, Tensor x) {
  const std::string rows = vectors(read(x), x.width, layer.dim);
  const std::vector<OnnxGraph::Attribute> flat = {{"keepdims", int64_t{0}}};
  const std::string axis = graph_.constant({1});
  const std::string sum = graph_.node("ReduceSum", {rows, axis}, flat);
  const std::string squares =
      graph_.node("ReduceSum", {graph_.node("Mul", {rows, rows}), axis}, flat);
  const std::string difference = graph_.node("Sub", {graph_.node("Mul", {sum, sum}), squares});
  const float half = 0.5f;
  const std::string name = "half_of_" + difference;
  return graph_.node("Mul", {graph_.node("ReduceSum", {difference, axis}),
                             graph_.constant(name, std::span(&half, 1), {})});
}

std::string ProgramWriter::add_sum(const LayerDescription& layer,
                                   const std::vector<Tensor>& inputs) {
  std::string sum;
  for (const Tensor input : inputs) {
    if (input.width == 0) continue;
    const std::string part = input.width == 1
                                 ? read(input)
                                 : graph_.node("ReduceSum", {read(input), graph_.constant({1})});
    sum = sum.empty() ? part : graph_.node("Add", {sum, part});
  }
  STRATA_CHECK(!sum.empty(), "a row sum of nothing");
  for (const dense::ParameterId id : layer.parameters) {
    sum = graph_.node("Add", {sum, parameter(id)});
  }
  return sum;
}

std::string ProgramWriter::add_layer(const LayerDescription& layer,
                                     const std::vector<Tensor>& inputs) {
  switch (layer.kind) {
    case LayerKind::kLinear:
      return add_linear(layer, read(inputs[0]));
    case LayerKind::kBatchNorm:
      return add_batch_norm(layer, read(inputs[0]));
    case LayerKind::kIdentity:
      return read(inputs[0]);
    case LayerKind::kCross:
      return graph_.node("Add",
                         {graph_.node("Mul", {read(inputs[1]), read(inputs[0])}), read(inputs[2])});
    case LayerKind::kDotInteraction:
      return add_dots(layer, inputs[0]);
    case LayerKind::kFactorisationMachine:
      return add_pairs(layer, inputs[0]);
    case LayerKind::kRowSum:
      return add_sum(layer, inputs);
  }
  STRATA_CHECK(false, "layer kind", static_cast<int>(layer.kind));
  return {};
}

void ProgramWriter::add_layers() {
  for (size_t i = 0; i < program_.layers(); ++i) {
    const dense::Layer& layer = program_.layer(i);
    std::vector<Tensor> inputs;
    for (const dense::Input& input : layer.inputs()) inputs.push_back(input.tensor);
    write(layer.outputs().front(), add_layer(layer.describe(), inputs));
  }
}

/// The graph input of a lookup: the feature's name, or wide_<feature>.
std::string input_name(const models::ModelLookup& lookup, const models::InputSpec& input) {
  const std::string& feature = input.features[static_cast<size_t>(lookup.feature)].name;
  return lookup.wide ? "wide_" + feature : feature;
}

}  // namespace

OnnxModel make_onnx(const models::Network& network) {
  const models::NetworkConfig& config = network.config();
  const models::ModelTensors& tensors = network.tensors();
  ProgramWriter writer(network);
  OnnxModel model;
  model.inputs = nlohmann::ordered_json::array();
  if (tensors.dense.width > 0) {
    writer.graph().add_input("dense", tensors.dense.width);
    writer.write(tensors.dense, "dense");
  }
  int column = 0;
  for (const models::ModelLookup& lookup : models::model_lookups(config.model, config.input)) {
    const auto table =
        std::ranges::find(config.tables, lookup.table, &embedding::TableConfig::name);
    STRATA_CHECK(table != config.tables.end(), "table", lookup.table);
    const std::string name = input_name(lookup, config.input);
    writer.graph().add_input(name, table->dim);
    const Tensor& pooled = tensors.pooled;
    writer.write({pooled.buffer, pooled.column + column, table->dim}, name);
    column += table->dim;
    model.inputs.push_back(
        {{"name", name},
         {"feature", config.input.features[static_cast<size_t>(lookup.feature)].name},
         {"table", lookup.table},
         {"pooling", enum_name(lookup.pooling)},
         {"width", table->dim}});
  }
  writer.add_layers();
  writer.graph().add_output("logit", writer.read(tensors.logits), 1);
  model.bytes = writer.graph().serialise(STRATA_VERSION);
  return model;
}

}  // namespace strata::serving
