#!/usr/bin/env python3
"""Every header compiles alone.

Usage: headers.py BUILD_DIR [--jobs N]. A header whose .cc includes it first is proved by the build
itself (tidy checks that order); the others are compiled here, each alone, syntax only. A header
that passed is skipped until it, or a project header it includes, changes (BUILD_DIR/tidy_headers).
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import rules
import tidy


def closure(tree, path, seen=None):
    """`path` and every project header it includes, directly or not."""
    seen = set() if seen is None else seen
    if path in seen or path not in tree.texts:
        return seen
    seen.add(path)
    for _, name, quoted in rules.includes(tree.texts[path]):
        if quoted:
            closure(tree, name, seen)
    return seen


def digest(tree, path, more=''):
    """Changes when `path`, a project header it includes, or `more` does."""
    parts = [more] + [f'{name}\0{tree.texts[name]}' for name in sorted(closure(tree, path))]
    return hashlib.sha256('\0'.join(parts).encode()).hexdigest()


def to_compile(tree):
    return [path for path, _ in tree.cpp()
            if path.endswith('.h') and path[:-2] + '.cc' not in tree.texts]


def compile_alone(root, path):
    """The compiler's complaint about a header on its own; empty when there is none."""
    command = ['g++', '-std=c++20', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-x', 'c++',
               '-DSTRATA_VERSION="0"', f'-DSTRATA_SOURCE_DIR="{root}"', f'-I{root}', '-']
    result = subprocess.run(command, input=f'#include "{path}"\n', capture_output=True, text=True)
    return result.stderr if result.returncode else ''


def main():
    build = pathlib.Path(sys.argv[1])
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
    root = pathlib.Path(__file__).resolve().parents[2]
    tree = tidy.load(root)
    record = build / 'tidy_headers.json'
    passed = json.loads(record.read_text()) if record.exists() else {}
    current = {path: digest(tree, path) for path in to_compile(tree)}
    stale = [path for path, value in current.items() if passed.get(path) != value]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for path, complaint in zip(stale, pool.map(lambda p: compile_alone(root, p), stale)):
            if complaint:
                failed += 1
                print(f'{path}: does not compile alone:\n{complaint[:2000]}')
                current.pop(path)
    record.write_text(json.dumps(current))
    print(f'headers: {len(stale)} compiled alone, {len(current) - len(stale) + failed} unchanged, '
          f'{failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
