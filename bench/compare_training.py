#!/usr/bin/env python3
"""Training steps of DLRM at the Criteo Kaggle shape: Strata and its peers, alternating.

    compare_training.py --bench build/bench/dlrm_bench --python PYTHON_WITH_TORCH --rounds 3

Each round runs, one after the other, bench/dlrm_bench, bench/peers/dlrm_torch.py as it is, and the
same with bench/peers/mkl_avx512.c preloaded. Prints the median samples/s of each and Strata's
ratio to both peers and to the better of them, which is the fair one, and the fraction of what the
machine's matrix products reach (`limit`, measured by dlrm_bench in the same run).
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SIZES = [128, 512, 2048, 8192]
TORCH_NAME = {"sgd": "sgd", "rowwise_adagrad": "adagrad"}
LINE = re.compile(r"batch\s+(\d+):\s+([\d.]+) k samples/s,\s+\d+ % of (\d+) k")


def output(command, **environment):
    done = subprocess.run(command, env={**os.environ, **environment}, check=True,
                          capture_output=True, text=True)
    return done.stdout


def strata(args, optimizer, precision):
    text = output([args.bench, "--optimizer", optimizer, "--precision", precision,
                   "--seconds", str(args.seconds)])
    found = LINE.findall(text)
    return ({int(size): 1e3 * float(rate) for size, rate, _ in found},
            1e3 * float(found[0][2]))


def torch(args, optimizer, precision, preload):
    environment = {"LD_PRELOAD": preload} if preload else {}
    text = output([args.python, str(HERE / "peers/dlrm_torch.py"), "--optimizer",
                   TORCH_NAME[optimizer], "--precision", precision, "--seconds",
                   str(args.seconds), "--batch", *map(str, SIZES)], **environment)
    return {int(size): float(rate) for size, rate in map(str.split, text.splitlines())}


def compare(args, optimizer, precision, preload):
    rounds, limits = [], []
    for _ in range(args.rounds):
        ours, limit = strata(args, optimizer, precision)
        limits.append(limit)
        rounds.append((ours, torch(args, optimizer, precision, None),
                       torch(args, optimizer, precision, preload)))
    limit = statistics.median(limits)
    for size in SIZES:
        ours, stock, fixed = (statistics.median(r[side][size] for r in rounds)
                              for side in range(3))
        best = max(stock, fixed)
        print(f"{optimizer:15} {precision} {size:5} {ours / 1e3:8.1f} {stock / 1e3:8.1f} "
              f"{fixed / 1e3:8.1f} {ours / stock:8.2f} {ours / best:8.2f} {ours / limit:8.0%}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--python", default="python3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each figure")
    parser.add_argument("--optimizer", nargs="+", default=list(TORCH_NAME), choices=TORCH_NAME)
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        preload = f"{folder}/mkl_avx512.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", str(HERE / "peers/mkl_avx512.c"),
                        "-o", preload], check=True)
        print(f"{'':15} {'':4} {'batch':>5} {'strata k':>8} {'stock k':>8} {'avx512 k':>8} "
              f"{'/ stock':>8} {'/ best':>8} {'of limit':>8}")
        for optimizer in args.optimizer:
            for precision in args.precision:
                compare(args, optimizer, precision, preload)


if __name__ == "__main__":
    main()
