"""PyTorch twins of the models: golden losses and gradients.

Regenerate with (torch >= 2.0, numpy, safetensors):

    python tests/golden/twin.py tests/golden/data

Writes data/batches.safetensors (ids, dense features, labels and weights of 50 batches, used four
times over) and per model data/<model>.safetensors: initial weights of every dense tensor and table
row, the gradients of the first step, and per optimizer the losses of 200 steps. The twins compute
in float64, so that a difference is ours. tests/models/golden_test.cc reads the files; every name
and hyper-parameter here is repeated there.

Covered: every model of the list (DLRM and Wide & Deep with and without batch norm, DCNv2 stacked
with low rank and parallel with full rank), each under every optimizer of the list and Adam with L2,
tables in exact mode; a test asserts that no model and no optimizer of the lists is missing.
"""

import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

SAMPLES = 64  # per batch
BATCHES = 50
STEPS = 200
DENSE = 4
DIM = 4
ROWS = {"C1": 40, "C2": 25, "C3": 30, "C4": 12}  # C3: lists, sum; C4: lists, mean



class RowOptimizer(torch.optim.Optimizer):
    """An optimizer over rows: those of a matrix; a vector is one row. Written from the papers."""

    def __init__(self, parameters, **constants):
        super().__init__(parameters, constants)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                w, g = (x.view(1, -1) if x.dim() == 1 else x for x in (p.data, p.grad))
                state = self.state[p]
                if not state:
                    state.update(self.first_state(w, **group), step=0)
                state["step"] += 1
                self.update(w, g, state, **group)


class Ftrl(RowOptimizer):
    """McMahan et al. 2013, algorithm 1; z starts where the closed form gives the first weight."""

    def first_state(self, w, lr, beta, l1, l2, **_):
        z = torch.where(w == 0, 0.0, -w * (beta / lr + l2) - torch.sign(w) * l1)
        return {"z": z, "n": torch.zeros_like(w)}

    def update(self, w, g, state, lr, beta, l1, l2, **_):
        z, n = state["z"], state["n"]
        sigma = (torch.sqrt(n + g * g) - torch.sqrt(n)) / lr
        z += g - sigma * w
        n += g * g
        strength = (beta + torch.sqrt(n)) / lr + l2
        closed = torch.where(z.abs() <= l1, 0.0, -(z - torch.sign(z) * l1) / strength)
        w.copy_(torch.where(g == 0, w, closed))


class RowwiseAdagrad(RowOptimizer):
    """One accumulator a row: the mean of the squared gradients (DLRM)."""

    def first_state(self, w, **_):
        return {"sum": torch.zeros_like(w[:, :1])}

    def update(self, w, g, state, lr, eps, **_):
        state["sum"] += (g * g).mean(dim=1, keepdim=True)
        w -= lr * g / (state["sum"].sqrt() + eps)


class RowwiseAdam(RowOptimizer):
    """Adam whose second moment is one number a row."""

    def first_state(self, w, **_):
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w[:, :1])}

    def update(self, w, g, state, lr, betas, eps, **_):
        first, second = betas
        m, v, t = state["m"], state["v"], state["step"]
        m.mul_(first).add_((1 - first) * g)
        v.mul_(second).add_((1 - second) * (g * g).mean(dim=1, keepdim=True))
        w -= lr * (m / (1 - first**t)) / (torch.sqrt(v / (1 - second**t)) + eps)


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.02, eps=1e-10),
    "adam": lambda p: torch.optim.Adam(p, lr=0.002, eps=1e-8),
    "adam_l2": lambda p: torch.optim.Adam(p, lr=0.002, eps=1e-8, weight_decay=0.001),
    "rowwise_adagrad": lambda p: RowwiseAdagrad(p, lr=0.02, eps=1e-8),
    "rowwise_adam": lambda p: RowwiseAdam(p, lr=0.002, betas=(0.9, 0.999), eps=1e-8),
    "ftrl": lambda p: Ftrl(p, lr=0.5, beta=1.0, l1=0.002, l2=0.01),
}


def make_batches(rng):
    """Columns over all samples; lists are flat with lengths. Labels follow a hidden model."""
    n = SAMPLES * BATCHES
    data = {"dense": rng.normal(size=(n, DENSE)).astype(np.float32)}
    score = data["dense"] @ np.array([0.6, -0.4, 0.2, 0.0])
    for name, rows in ROWS.items():
        # A few rows of every feature are rare, so that exact mode has steps to replay.
        data[f"ids.{name}"] = rng.integers(0, 2**64, size=rows, dtype=np.uint64, endpoint=False)
        popularity = 1.0 / np.arange(1, rows + 1) ** 1.2
        popularity /= popularity.sum()
        is_list = name in ("C3", "C4")
        lengths = rng.integers(0, 4, size=n) if is_list else np.ones(n, dtype=np.int64)
        index = rng.choice(rows, size=int(lengths.sum()), p=popularity)
        effect = rng.normal(size=rows)
        np.add.at(score, np.repeat(np.arange(n), lengths), 0.8 * effect[index])
        data[f"lengths.{name}"] = lengths.astype(np.int64)
        data[f"index.{name}"] = index.astype(np.int64)
    data["ids.C1"][:2] = [0, 2**64 - 1]
    labels = rng.random(n) < 1 / (1 + np.exp(-score + 0.5))
    data["labels"] = labels.astype(np.float32)
    data["weights"] = rng.choice([0.5, 1.0, 2.0], size=n).astype(np.float32)
    return data


class Batch:
    """Tensors of one batch of make_batches' columns."""

    def __init__(self, data, number, dtype):
        begin, end = number * SAMPLES, (number + 1) * SAMPLES
        column = lambda name: torch.tensor(data[name][begin:end], dtype=dtype)
        self.dense = column("dense")
        self.labels = column("labels")
        self.weights = column("weights")
        self.bags = {}
        for name in ROWS:
            lengths = data[f"lengths.{name}"]
            first, last = int(lengths[:begin].sum()), int(lengths[:end].sum())
            index = torch.tensor(data[f"index.{name}"][first:last])
            offsets = torch.tensor(np.concatenate([[0], np.cumsum(lengths[begin:end])[:-1]]))
            self.bags[name] = (index, offsets)


class Twin(nn.Module):
    """What the models share: named dense tensors and embedding tables as plain parameters."""

    def __init__(self, rng):
        super().__init__()
        self.rng = rng
        self.names = {}  # our name -> parameter, in order

    def parameter(self, name, shape, scale):
        # Values are float32 numbers, so that both sides start from the same bits.
        value = (self.rng.uniform(-scale, scale, size=shape)).astype(np.float32)
        parameter = nn.Parameter(torch.tensor(value, dtype=torch.float64))
        self.register_parameter(name.replace(".", "__"), parameter)
        self.names[name] = parameter
        return parameter

    def linear_layer(self, name, inputs, outputs, bias=True):
        self.parameter(f"{name}.weight", (outputs, inputs), (1.5 / inputs) ** 0.5)
        if bias:
            self.parameter(f"{name}.bias", (outputs,), 0.1)

    def mlp_layers(self, name, inputs, widths):
        for i, width in enumerate(widths):
            self.linear_layer(f"{name}.{i}", inputs, width)
            inputs = width

    def norm_layer(self, name, width):
        self.parameter(f"{name}.weight", (width,), 0.5).data.add_(1)
        self.parameter(f"{name}.bias", (width,), 0.1)

    def normalised(self, name, x):
        gamma, beta = self.names[f"{name}.weight"], self.names[f"{name}.bias"]
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)

    def tables(self, wide, deep):
        for name, rows in ROWS.items():
            if deep:
                self.parameter(f"table.{name}", (rows, DIM), 0.3)
            if wide:
                self.parameter(f"table.wide_{name}", (rows, 1), 0.1)

    def linear(self, name, x):
        return F.linear(x, self.names[f"{name}.weight"], self.names.get(f"{name}.bias"))

    def mlp(self, name, x, layers, last_relu):
        for i in range(layers):
            x = self.linear(f"{name}.{i}", x)
            if i + 1 < layers or last_relu:
                x = F.relu(x)
        return x

    def pooled(self, batch, prefix=""):
        out = []
        for name, (index, offsets) in batch.bags.items():
            mode = "mean" if name == "C4" else "sum"
            table = self.names[f"table.{prefix}{name}"]
            out.append(F.embedding_bag(index, table, offsets, mode=mode))
        return out

    def wide(self, batch):
        return torch.cat(self.pooled(batch, "wide_"), dim=1).sum(dim=1) + self.names["wide.bias"]


def cat(*parts):
    return torch.cat(parts, dim=1)


class LogisticRegression(Twin):
    def __init__(self, rng):
        super().__init__(rng)
        self.tables(wide=True, deep=False)
        self.parameter("wide.bias", (1,), 0.1)

    def forward(self, batch):
        return self.wide(batch)


class Dlrm(Twin):
    norm = False

    def __init__(self, rng):
        super().__init__(rng)
        self.tables(wide=False, deep=True)
        self.mlp_layers("bottom", DENSE, [8, DIM])
        self.mlp_layers("top", DIM + 10, [12, 1])
        if self.norm:
            self.norm_layer("bottom_norm.0", 8)
            self.norm_layer("top_norm.0", 12)

    def two_layers(self, name, x):
        x = self.linear(f"{name}.0", x)
        x = F.relu(self.normalised(f"{name}_norm.0", x) if self.norm else x)
        return self.linear(f"{name}.1", x)

    def forward(self, batch):
        bottom = F.relu(self.two_layers("bottom", batch.dense))
        vectors = torch.stack([bottom, *self.pooled(batch)], dim=1)
        dots = vectors @ vectors.transpose(1, 2)
        i, j = torch.tril_indices(5, 5, -1)
        return self.two_layers("top", cat(bottom, dots[:, i, j]))[:, 0]


class DlrmNorm(Dlrm):
    norm = True


class WideDeep(Twin):
    norm = False

    def __init__(self, rng):
        super().__init__(rng)
        self.tables(wide=True, deep=True)
        self.parameter("wide.bias", (1,), 0.1)
        self.mlp_layers("deep", DENSE + 4 * DIM, [12, 8, 1])
        for i, width in enumerate([12, 8]):
            if self.norm:
                self.norm_layer(f"deep_norm.{i}", width)

    def forward(self, batch):
        x = cat(batch.dense, *self.pooled(batch))
        for i in range(2):
            x = self.linear(f"deep.{i}", x)
            x = F.relu(self.normalised(f"deep_norm.{i}", x) if self.norm else x)
        return self.linear("deep.2", x)[:, 0] + self.wide(batch)


class WideDeepNorm(WideDeep):
    norm = True


class DeepFm(Twin):
    def __init__(self, rng):
        super().__init__(rng)
        self.tables(wide=True, deep=True)
        self.parameter("wide.bias", (1,), 0.1)
        self.mlp_layers("deep", DENSE + 4 * DIM, [12, 8, 1])

    def forward(self, batch):
        pooled = self.pooled(batch)
        deep = self.mlp("deep", cat(batch.dense, *pooled), 3, last_relu=False)[:, 0]
        second = sum((pooled[i] * pooled[j]).sum(dim=1) for i in range(4) for j in range(i))
        return deep + second + self.wide(batch)


class Dcnv2(Twin):
    """Stacked, low rank."""

    def __init__(self, rng):
        super().__init__(rng)
        self.tables(wide=False, deep=True)
        width = DENSE + 4 * DIM
        for l in range(2):
            self.linear_layer(f"cross.{l}.v", width, 3, bias=False)
            self.linear_layer(f"cross.{l}.u", 3, width)
        self.mlp_layers("deep", width, [12, 1])

    def forward(self, batch):
        x0 = x = cat(batch.dense, *self.pooled(batch))
        for l in range(2):
            x = x0 * self.linear(f"cross.{l}.u", self.linear(f"cross.{l}.v", x)) + x
        return self.mlp("deep", x, 2, last_relu=False)[:, 0]


class Dcnv2Parallel(Twin):
    """Parallel, full rank, with a bottom MLP."""

    def __init__(self, rng):
        super().__init__(rng)
        self.tables(wide=False, deep=True)
        width = 6 + 4 * DIM
        self.mlp_layers("bottom", DENSE, [8, 6])
        for l in range(2):
            self.linear_layer(f"cross.{l}", width, width)
        self.mlp_layers("deep", width, [12, 1])
        self.linear_layer("cross_logit", width, 1, bias=False)

    def forward(self, batch):
        x0 = x = cat(self.mlp("bottom", batch.dense, 2, last_relu=True), *self.pooled(batch))
        for l in range(2):
            x = x0 * self.linear(f"cross.{l}", x) + x
        deep = self.mlp("deep", x0, 2, last_relu=False)[:, 0]
        return deep + self.linear("cross_logit", x)[:, 0]


MODELS = {
    "logistic_regression": LogisticRegression,
    "dlrm": Dlrm,
    "wide_deep": WideDeep,
    "wide_deep_batch_norm": WideDeepNorm,
    "deepfm": DeepFm,
    "dcnv2": Dcnv2,
    "dcnv2_parallel": Dcnv2Parallel,
    "dlrm_batch_norm": DlrmNorm,
}


def loss_of(model, batch):
    terms = F.binary_cross_entropy_with_logits(model(batch), batch.labels, reduction="none")
    return (batch.weights * terms).sum() / SAMPLES


def train(model, make_optimizer, batches, out=None):
    """Losses of STEPS steps; `out` receives the initial weights and the first gradients."""
    optimizer = make_optimizer(list(model.names.values()))
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, batches[step % BATCHES])
        loss.backward()
        if step == 0 and out is not None:
            for key, parameter in model.names.items():
                out[f"initial.{key}"] = parameter.detach().numpy().astype(np.float32)
                out[f"gradient.{key}"] = parameter.grad.numpy().copy()
        losses.append(loss.item())
        optimizer.step()
    return np.array(losses)


def conditioned(model_class, seed, batches, single):
    """Golden arrays of a seed, or None where rounding alone moves the losses: a ReLU exactly at its
    kink amplifies any rounding (seen: 4e-3 between torch's own float32 and float64), and then no
    two programs agree. So the twin in float32, from the same start and from five that differ in the
    seventh digit, must stay within 2e-6."""
    out = {}
    for name, make_optimizer in OPTIMIZERS.items():
        losses = train(model_class(np.random.default_rng(seed)), make_optimizer, batches, out)
        for trial in range(6):
            rounded = model_class(np.random.default_rng(seed))
            noise = np.random.default_rng(trial)
            for parameter in rounded.names.values():
                factor = 1 + trial * 6e-8 * noise.uniform(-1, 1, size=parameter.shape)
                parameter.data = parameter.data.mul(torch.tensor(factor)).float()
            difference = np.abs(train(rounded, make_optimizer, single) / losses - 1).max()
            if difference > 2e-6:
                print(f"  seed {seed} {name}: ill-conditioned, {difference:.1e}")
                return None
        out[f"losses.{name}"] = losses
        print(f"  seed {seed} {name:15s} {losses[0]:.4f} -> {losses[-BATCHES:].mean():.4f}")
    return out


def golden(model_class, seed, data):
    batches = [Batch(data, number, torch.float64) for number in range(BATCHES)]
    single = [Batch(data, number, torch.float32) for number in range(BATCHES)]
    while (out := conditioned(model_class, seed, batches, single)) is None:
        seed += 1000
    return out


def main(folder):
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    data = make_batches(np.random.default_rng(1))
    save_file(data, str(folder / "batches.safetensors"))
    for number, (name, model_class) in enumerate(MODELS.items()):
        print(name)
        save_file(golden(model_class, 100 + number, data), str(folder / f"{name}.safetensors"))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
