"""PyTorch twin of configs/dlrm_criteo_synthetic.yaml on a file of `strata data gen`.

    python tests/soak/generator_twin.py FILE [--seed N]

Trains DLRM once over the first nine tenths of the rows, shuffled, and prints AUC and logloss of
the last tenth as JSON. Model, initial distributions, optimizers, batch and schedule are those of
the config; only the order of the rows and the random draws differ. Needs torch and numpy.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

INTEGERS, CATEGORIES = 13, 26
EVAL_FRACTION = 0.1
CHUNK_ROWS = 100_000


def read(path):
    """Labels [N], log(1 + max(x, 0)) of the integers [N, 13], rows of the ids [N, 26] in one table
    for all columns."""
    labels, dense, ids = [], [], []
    with open(path, 'rb') as file:
        while lines := file.readlines(CHUNK_ROWS * 250):
            fields = b''.join(lines).replace(b'\n', b'\t').split(b'\t')[:-1]
            field = lambda number: fields[number::1 + INTEGERS + CATEGORIES]
            labels.append(np.array(field(0)) == b'1')
            integer = lambda number: np.array([max(int(x or 0), 0) for x in field(number)], 'f4')
            dense.append(np.log1p([integer(1 + i) for i in range(INTEGERS)]).T)
            category = lambda number: np.array([int(x, 16) if x else -1 for x in field(number)])
            ids.append([category(1 + INTEGERS + c) for c in range(CATEGORIES)])
    rows, first = np.empty((sum(map(len, labels)), CATEGORIES), 'i8'), 0
    for c in range(CATEGORIES):
        column = np.concatenate([chunk[c] for chunk in ids])
        values, inverse = np.unique(column, return_inverse=True)
        rows[:, c] = inverse.ravel() + first
        first += len(values)
    return (torch.from_numpy(np.concatenate(labels).astype('f4')),
            torch.from_numpy(np.concatenate(dense).astype('f4')), torch.from_numpy(rows))


def linear(inputs, outputs):
    """Naumov et al. 2019: weights N(0, 2 / (in + out)), biases N(0, 1 / out)."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0, (2 / (inputs + outputs)) ** 0.5)
    nn.init.normal_(layer.bias, 0, (1 / outputs) ** 0.5)
    return layer


def mlp(widths, last_relu):
    layers = []
    for number, (inputs, outputs) in enumerate(zip(widths, widths[1:]), 2):
        layers.append(linear(inputs, outputs))
        if number < len(widths) or last_relu:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Dlrm(nn.Module):
    def __init__(self, rows, config):
        super().__init__()
        dim, features = config['dim'], 1 + CATEGORIES
        self.bottom = mlp([INTEGERS, *config['bottom']], True)
        self.top = mlp([dim + features * (features - 1) // 2, *config['top']], False)
        self.table = nn.Embedding(rows, dim, sparse=True)
        nn.init.uniform_(self.table.weight, -0.01, 0.01)
        first, second = torch.tril_indices(features, features, -1)
        self.pairs = first * features + second

    def forward(self, dense, ids):
        x = self.bottom(dense)
        t = torch.cat([x.unsqueeze(1), self.table(ids)], 1)
        products = torch.bmm(t, t.transpose(1, 2)).flatten(1).index_select(1, self.pairs)
        return self.top(torch.cat([x, products], 1)).squeeze(1)


def unseen_rows_are_zero(table, ids, train_rows):
    """What a key unseen in training reads in Strata's evaluation."""
    seen = torch.zeros(table.num_embeddings, dtype=torch.bool)
    seen[ids[:train_rows].flatten()] = True
    table.weight.data[~seen] = 0


def train(model, data, train_rows, config):
    labels, dense, ids = data
    sparse = torch.optim.Adagrad(model.table.parameters(), lr=1, eps=1e-10,
                                 initial_accumulator_value=config['initial_accumulator'])
    networks = [*model.bottom.parameters(), *model.top.parameters()]
    adam = torch.optim.Adam(networks, lr=1, eps=1e-8)
    rates = ((sparse, config['table_rate']), (adam, config['dense_rate']))
    order, batch = torch.randperm(train_rows), config['batch_size']
    steps = (train_rows + batch - 1) // batch
    for step in range(steps):
        progress = (step + 1 - config['decay_start']) / config['decay_steps']
        factor = 1 - (1 - config['decay_end']) * min(max(progress, 0), 1)
        for optimizer, rate in rates:
            optimizer.param_groups[0]['lr'] = rate * factor
            optimizer.zero_grad(set_to_none=True)
        rows = order[step * batch:(step + 1) * batch]
        logits = model(dense[rows], ids[rows])
        F.binary_cross_entropy_with_logits(logits, labels[rows]).backward()
        sparse.step()
        adam.step()


def evaluate(model, data, first):
    labels, dense, ids = data
    with torch.no_grad():
        logits = torch.cat([model(dense[i:i + 8192], ids[i:i + 8192])
                            for i in range(first, len(labels), 8192)])
    y = labels[first:]
    ranks = torch.empty(len(y), dtype=torch.float64)
    ranks[logits.argsort()] = torch.arange(1, len(y) + 1, dtype=torch.float64)
    positives = float(y.sum())
    wins = float(ranks[y > 0].sum()) - positives * (positives + 1) / 2
    return {'auc': wins / (positives * (len(y) - positives)),
            'logloss': F.binary_cross_entropy_with_logits(logits.double(), y.double()).item()}


# configs/dlrm_criteo_synthetic.yaml
CONFIG = {'bottom': [512, 256, 64, 16], 'top': [512, 256, 1], 'dim': 16, 'batch_size': 512,
          'table_rate': 0.1, 'initial_accumulator': 1e-4, 'dense_rate': 0.001,
          'decay_start': 1760, 'decay_steps': 1760, 'decay_end': 0.02}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('file')
    parser.add_argument('--seed', type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    data = read(arguments.file)
    ids = data[2]
    train_rows = len(data[0]) - round(EVAL_FRACTION * len(data[0]))
    model = Dlrm(int(ids.max()) + 1, CONFIG)
    start = time.monotonic()
    train(model, data, train_rows, CONFIG)
    unseen_rows_are_zero(model.table, ids, train_rows)
    result = evaluate(model, data, train_rows)
    print(json.dumps({**result, 'seconds': round(time.monotonic() - start, 1)}))


if __name__ == '__main__':
    main()
