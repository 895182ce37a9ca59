#!/usr/bin/env python3
"""DLRM at the Criteo Kaggle shape in PyTorch (nn.EmbeddingBag, sparse gradients), samples/s.

compare_training.py alternates it with Strata:
    dlrm_torch.py --batch 128 2048 --optimizer sgd|adagrad --precision fp32|bf16 --seconds 3
26 tables of width 16 capped at 1 M rows, one id per bag, uniform ids; bottom 13-512-256-64-16,
top 367-512-256-1; batches made beforehand. bf16 is autocast of the dense part. Prints
batch size and samples/s, one line each.
"""
import argparse
import time

import torch
from torch import nn

ROWS = [1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992,
        5461306, 10, 5652, 2173, 4, 7046547, 18, 15, 286181, 105, 142572]
CAP, WIDTH, SAMPLES = 1_000_000, 16, 262_144


def mlp(sizes, relu_last):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if relu_last or i < len(sizes) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.bottom = mlp([13, 512, 256, 64, WIDTH], True)
        self.top = mlp([WIDTH + 27 * 26 // 2, 512, 256, 1], False)
        i, j = torch.tril_indices(27, 27, -1)
        self.register_buffer("pairs", i * 27 + j)

    def forward(self, x, embedded):
        x = self.bottom(x)
        rows = torch.cat([x.unsqueeze(1), embedded.to(x.dtype)], 1)
        dots = torch.bmm(rows, rows.transpose(1, 2)).flatten(1).index_select(1, self.pairs)
        return self.top(torch.cat([x, dots], 1)).squeeze(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, nargs="+", default=[2048])
    parser.add_argument("--optimizer", choices=["sgd", "adagrad"], default="sgd")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    rows = [min(r, CAP) for r in ROWS]
    tables = nn.ModuleList([nn.EmbeddingBag(r, WIDTH, mode="sum", sparse=True) for r in rows])
    for table in tables:
        table.weight.data.uniform_(-0.05, 0.05)
    dense, loss_of = Dense(), nn.BCEWithLogitsLoss()
    make = torch.optim.SGD if args.optimizer == "sgd" else torch.optim.Adagrad
    optimizers = [make(tables.parameters(), lr=0.05), make(dense.parameters(), lr=0.05)]
    x, y = torch.rand(SAMPLES, 13), (torch.rand(SAMPLES) < 0.25).float()
    ids = torch.stack([torch.randint(r, (SAMPLES,)) for r in rows])
    for size in args.batch:
        batches = [(x[s:s + size].contiguous(), y[s:s + size].contiguous(),
                    ids[:, s:s + size].contiguous()) for s in range(0, SAMPLES, size)]
        offsets = torch.arange(size)

        def step(i):
            bx, by, bids = batches[i % len(batches)]
            embedded = torch.stack([t(bids[k], offsets) for k, t in enumerate(tables)], 1)
            with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
                logits = dense(bx, embedded)
            loss = loss_of(logits.float(), by)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            loss.item()

        rate = 0
        for seconds in (args.seconds / 3, args.seconds):  # the first one warms up
            count, start = 0, time.perf_counter()
            while time.perf_counter() - start < seconds:
                step(count)
                count += 1
            rate = count * size / (time.perf_counter() - start)
        print(size, round(rate), flush=True)


if __name__ == "__main__":
    main()
