"""Judges what generator_dlrm.sh trained: generator_gap.py FOLDER SEEDS…

Prints a table of AUC, logloss and the share of the gap from logistic regression to the learnable
optimum that each closes, means over the seeds. Exit code 1: a law is broken; 77: all hold, but
the PyTorch twin was not there.
"""

import json
import pathlib
import sys

LEAST_SHARE = 0.85
TWIN_MARGIN = 0.01
METRICS = ('auc', 'logloss')


def mean_of(folder, name, seeds):
    """Mean metrics of the runs FOLDER/NAME.SEED.json; None when there are none."""
    files = [folder / f'{name}.{seed}.json' for seed in seeds]
    if not all(file.exists() for file in files):
        return None
    runs = [json.loads(file.read_text()) for file in files]
    return {metric: sum(run[metric] for run in runs) / len(runs) for metric in METRICS}


def main():
    folder, seeds = pathlib.Path(sys.argv[1]), sys.argv[2:]
    generator = json.loads((folder / 'generator.json').read_text())
    rows = {'logistic regression': mean_of(folder, 'logistic_regression_criteo_synthetic', seeds),
            'DLRM, Strata': mean_of(folder, 'dlrm_criteo_synthetic', seeds),
            'DLRM, PyTorch twin': mean_of(folder, 'twin', seeds),
            'learnable optimum': generator['learnable'],
            'hidden model': generator['best']}
    low, high = rows['logistic regression'], rows['learnable optimum']
    share = lambda row, metric: 0.0 + (row[metric] - low[metric]) / (high[metric] - low[metric])
    print(f"{generator['rows']:,} rows, the last {generator['eval_rows']:,} for evaluation; "
          f"seeds of training: {' '.join(seeds)}")
    print(f"{'':<20} {'AUC':>7} {'of gap':>7} {'logloss':>8} {'of gap':>7}")
    for name, row in rows.items():
        if row:
            print(f"{name:<20} {row['auc']:>7.4f} {share(row, 'auc'):>7.1%} "
                  f"{row['logloss']:>8.4f} {share(row, 'logloss'):>7.1%}")
    ours, twin = rows['DLRM, Strata'], rows['DLRM, PyTorch twin']
    broken = [metric for metric in METRICS if share(ours, metric) < LEAST_SHARE]
    if twin:
        broken += [f'{metric} against the twin' for metric in METRICS
                   if share(ours, metric) < share(twin, metric) - TWIN_MARGIN]
    print('broken: ' + ', '.join(broken) if broken else 'holds')
    return 1 if broken else 0 if twin else 77


if __name__ == '__main__':
    sys.exit(main())
