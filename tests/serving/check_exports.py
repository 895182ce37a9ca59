#!/usr/bin/env python3
"""Reads exports without Strata and answers their golden requests.

Usage: check_exports.py WRITE_EXPORTS FOLDER. Runs WRITE_EXPORTS FOLDER, which writes one export per
model, then checks each: tables with NumPy as README shows, dense tensors with safetensors, the
ONNX model with onnxruntime against golden.jsonl to 1e-5. Exit 77 (skipped) without NumPy; parts
whose package is absent are named and skipped.
"""

import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

TOLERANCE = 1e-5


def has(module):
    return importlib.util.find_spec(module) is not None


def load_tables(version, about, np):
    tables = {}
    for entry in about['tables']:
        parts = sorted((version / entry['folder']).glob('*.keys.npy'))
        keys = [np.load(p) for p in parts]
        rows = [np.load(str(p).replace('.keys.', '.rows.')) for p in parts]
        keys = np.concatenate(keys) if keys else np.zeros(0, np.uint64)
        rows = np.concatenate(rows) if rows else np.zeros((0, entry['dim']), np.float32)
        assert keys.dtype == np.uint64 and (keys[1:] > keys[:-1]).all(), entry['name']
        assert rows.shape == (entry['rows'], entry['dim']), entry['name']
        tables[entry['name']] = (keys, rows, entry['default_row'])
    return tables


def look_up(table, ids, pooling, np):
    keys, rows, default = table
    out = np.zeros(rows.shape[1], np.float32)
    for i in ids:
        at = int(np.searchsorted(keys, np.uint64(i)))
        found = at < len(keys) and keys[at] == np.uint64(i)
        out += rows[at] if found else np.float32(default)
    return out / max(1, len(ids)) if pooling == 'mean' else out


def check_onnx(version, about, tables, np):
    import onnxruntime
    session = onnxruntime.InferenceSession(version / 'dense/model.onnx',
                                           providers=['CPUExecutionProvider'])
    requests = [json.loads(line) for line in (version / 'golden.jsonl').read_text().splitlines()]
    feed = {}
    for entry in about['onnx']['inputs']:
        table = tables[entry['table']]
        feed[entry['name']] = np.stack([look_up(table, r['ids'][entry['feature']],
                                                entry['pooling'], np) for r in requests])
    if 'dense' in [i.name for i in session.get_inputs()]:
        feed['dense'] = np.array([list(r['dense'].values()) for r in requests], np.float32)
    logits = session.run(['logit'], feed)[0][:, 0]
    expected = np.array([r['logit'] for r in requests])
    return float(np.max(np.abs(logits - expected) / np.maximum(1, np.abs(expected))))


def check(exports, np):
    version = exports / (exports / 'CURRENT').read_text().split()[0]
    about = json.loads((version / 'manifest.json').read_text())['about']
    tables = load_tables(version, about, np)
    script = pathlib.Path(__file__).with_name('read_table.py')
    subprocess.run([sys.executable, script, exports, about['tables'][0]['name']], check=True)
    if has('safetensors'):
        from safetensors.numpy import load_file
        assert load_file(version / 'dense/model.safetensors')
    if has('onnx'):
        import onnx
        onnx.checker.check_model(onnx.load(version / 'dense/model.onnx'), full_check=True)
    if not has('onnxruntime'):
        return 'not run: onnxruntime is not installed'
    error = check_onnx(version, about, tables, np)
    assert error <= TOLERANCE, f'{exports.name}: onnxruntime differs by {error}'
    return f'{error:.2e}'


def main():
    writer, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if not has('numpy'):
        print('skipped: python3 has no NumPy')
        return 77
    import numpy as np
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([writer, folder], check=True)
    for exports in sorted(folder.iterdir()):
        print(f'{exports.name}: onnx error {check(exports, np)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
