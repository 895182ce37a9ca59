#include "kernels/gemm.h"

#include "base/check.h"
#include "kernels/gemm_plain.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRATA_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define STRATA_THREAD_SANITIZER 1
#endif
// oneDNN is not instrumented and synchronises in ways ThreadSanitizer cannot see.
#if defined(STRATA_HAVE_DNNL) && !defined(STRATA_THREAD_SANITIZER)
#define STRATA_GEMM_DNNL 1
#endif

#if defined(STRATA_GEMM_DNNL)
#include <array>
#include <dnnl.hpp>
#include <map>

#include "base/error.h"
#include "base/isa.h"

// oneDNN's CPU runtime is OpenMP; Strata uses no OpenMP itself and only tells it to stay on the
// calling thread.
extern "C" {
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);
}
#endif

namespace strata::kernels {
namespace {

void check_shape(const GemmShape& s) {
  STRATA_CHECK(s.m >= 0 && s.n >= 0 && s.k >= 0, "m n k", s.m, s.n, s.k);
  STRATA_CHECK(s.a_stride >= (s.transpose_a ? s.m : s.k), "a_stride", s.a_stride);
  STRATA_CHECK(s.b_stride >= (s.transpose_b ? s.k : s.n), "b_stride", s.b_stride);
  STRATA_CHECK(s.c_stride >= s.n, "c_stride", s.c_stride);
  STRATA_CHECK(s.input != DType::kF16 && s.output != DType::kF16, "fp16 is not a GEMM type");
  STRATA_CHECK(!s.accumulate || (!s.bias && s.activation == Activation::kIdentity),
               "accumulate goes with neither bias nor activation");
}

}  // namespace

#if defined(STRATA_GEMM_DNNL)

namespace {

using dnnl::memory;

/// Keeps OpenMP regions of this thread on this thread while it lives.
class SingleOpenMpThread {
 public:
  SingleOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~SingleOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  SingleOpenMpThread(const SingleOpenMpThread&) = delete;
  SingleOpenMpThread& operator=(const SingleOpenMpThread&) = delete;

 private:
  int before_;
};

memory::data_type data_type(DType dtype) {
  return dtype == DType::kBf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

/// A compiled product and the memory objects that its operands' addresses are put into.
struct Primitive {
  dnnl::matmul matmul;
  memory a, b, bias, c, scratch;
  size_t scratch_bytes = 0;
};

/// relu(z) on the bits of a bf16: negative ones that are no NaN are 0x8000 to 0xff80.
STRATA_ALWAYS_INLINE uint16_t relu(uint16_t z) {
  return static_cast<uint16_t>(z ^ 0x8000) <= 0x7f80 ? 0 : z;
}
STRATA_ALWAYS_INLINE float relu(float z) { return activate(z, Activation::kRelu); }

/// C becomes relu(C). Not left to oneDNN, whose ReLU makes 0 of a NaN.
template <class T>
struct ReluRows {
  struct Args {
    const GemmShape& shape;
    T* c;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const int64_t n = a.shape.n;
    for (int64_t i = 0; i < a.shape.m; ++i) {
      T* __restrict row = a.c + i * a.shape.c_stride;
      for (int64_t j = 0; j < n; ++j) row[j] = relu(row[j]);
    }
  }
};

void relu_rows(const GemmShape& shape, void* c) {
  if (shape.output == DType::kBf16) {
    return isa::dispatch<ReluRows<uint16_t>>(
        ReluRows<uint16_t>::Args{shape, static_cast<uint16_t*>(c)});
  }
  isa::dispatch<ReluRows<float>>(ReluRows<float>::Args{shape, static_cast<float*>(c)});
}

constexpr size_t kMaxPrimitives = 512;  // shapes change only with the number of rows of a chunk

}  // namespace

struct Gemm::State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::map<GemmShape, Primitive> primitives;
  AlignedVector<std::byte> scratch;
  AlignedVector<float> row;  // of the plain fallback

  Primitive make(const GemmShape& s);
  Primitive& find(const GemmShape& s);
};

Primitive Gemm::State::make(const GemmShape& s) {
  const auto in = data_type(s.input);
  const memory::desc a({s.m, s.k}, in,
                       s.transpose_a ? memory::dims{1, s.a_stride} : memory::dims{s.a_stride, 1});
  const memory::desc b({s.k, s.n}, in,
                       s.transpose_b ? memory::dims{1, s.b_stride} : memory::dims{s.b_stride, 1});
  const memory::desc c({s.m, s.n}, data_type(s.output), memory::dims{s.c_stride, 1});
  const memory::desc bias({1, s.n}, memory::data_type::f32, memory::dims{s.n, 1});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops post;
  if (s.accumulate) post.append_sum(1.0f);
  if (s.activation == Activation::kSigmoid) {
    post.append_eltwise(1.0f, dnnl::algorithm::eltwise_logistic, 0, 0);
  }
  attributes.set_post_ops(post);
  const auto desc = s.bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
  const dnnl::matmul::primitive_desc made(desc, attributes, engine);
  Primitive out{.matmul = dnnl::matmul(made),
                .a = memory(a, engine, nullptr),
                .b = memory(b, engine, nullptr),
                .bias = memory(bias, engine, nullptr),
                .c = memory(c, engine, nullptr),
                .scratch = memory(made.scratchpad_desc(), engine, nullptr),
                .scratch_bytes = made.scratchpad_desc().get_size()};
  return out;
}

Primitive& Gemm::State::find(const GemmShape& s) {
  const auto found = primitives.find(s);
  if (found != primitives.end()) return found->second;
  if (primitives.size() >= kMaxPrimitives) primitives.clear();
  Primitive made = make(s);
  if (scratch.size() < made.scratch_bytes) scratch.resize(made.scratch_bytes);
  return primitives.emplace(s, std::move(made)).first->second;
}

void Gemm::run(const GemmShape& shape, const GemmOperands& operands) {
  check_shape(shape);
  if (shape.m == 0 || shape.n == 0) return;
  if (shape.k == 0) return gemm_plain(shape, operands, state_->row);
  const SingleOpenMpThread single;
  try {
    Primitive& p = state_->find(shape);
    p.a.set_data_handle(const_cast<void*>(operands.a));
    p.b.set_data_handle(const_cast<void*>(operands.b));
    p.c.set_data_handle(operands.c);
    p.scratch.set_data_handle(state_->scratch.data());
    std::array<dnnl_exec_arg_t, 5> args{{{DNNL_ARG_SRC, p.a.get()},
                                         {DNNL_ARG_WEIGHTS, p.b.get()},
                                         {DNNL_ARG_DST, p.c.get()},
                                         {DNNL_ARG_SCRATCHPAD, p.scratch.get()},
                                         {DNNL_ARG_BIAS, p.bias.get()}}};
    if (shape.bias) p.bias.set_data_handle(const_cast<float*>(operands.bias));
    dnnl::error::wrap_c_api(dnnl_primitive_execute(p.matmul.get(), state_->stream.get(),
                                                   shape.bias ? 5 : 4, args.data()),
                            "matmul");
    if (shape.activation == Activation::kRelu) relu_rows(shape, operands.c);
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_unimplemented && shape.input == DType::kBf16) {
      throw Error(ErrorCode::kConfig,
                  "oneDNN has no matrix products of bf16 for this CPU (they need AVX-512); set "
                  "dense.precision: fp32");
    }
    throw Error(ErrorCode::kResource, "oneDNN matrix product {} x {} x {}: {}", shape.m, shape.n,
                shape.k, e.what());
  }
}

const char* gemm_library() { return "oneDNN"; }

#else

struct Gemm::State {
  AlignedVector<float> row;
};

void Gemm::run(const GemmShape& shape, const GemmOperands& operands) {
  check_shape(shape);
  gemm_plain(shape, operands, state_->row);
}

const char* gemm_library() { return "plain"; }

#endif

Gemm::Gemm() : state_(std::make_unique<State>()) {}
Gemm::~Gemm() = default;
Gemm::Gemm(Gemm&&) noexcept = default;
Gemm& Gemm::operator=(Gemm&&) noexcept = default;

}  // namespace strata::kernels
