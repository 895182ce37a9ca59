#!/usr/bin/env python3
"""clang-tidy (.clang-tidy) over every .cc of the rooms and the headers they include.

Usage: lint.py CLANG_TIDY BUILD_DIR JOBS. Needs BUILD_DIR/compile_commands.json. A file that passed
is skipped until it, a project header it includes, or .clang-tidy changes
(BUILD_DIR/tidy_lint.json).
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time

import headers
import rules
import tidy


def lint(clang_tidy, build, root, path):
    """What clang-tidy says about one file; empty when it is content."""
    result = subprocess.run(
        [clang_tidy, '--quiet', '-p', str(build), '--extra-arg=-Wno-unknown-warning-option',
         '--extra-arg=-Wno-everything', str(root / path)], capture_output=True, text=True, cwd=root)
    return result.stdout or result.stderr if result.returncode else ''


def main():
    clang_tidy, build, jobs = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    root = pathlib.Path(__file__).resolve().parents[2]
    tree = tidy.load(root)
    commands = json.loads((build / 'compile_commands.json').read_text())
    built = {str(pathlib.Path(c['file']).resolve().relative_to(root)) for c in commands
             if pathlib.Path(c['file']).resolve().is_relative_to(root)}
    files = [path for path, _ in tree.cpp()
             if path.endswith('.cc') and rules.room_of(path) in rules.ROOMS and path in built]
    config = (root / '.clang-tidy').read_text()
    current = {path: headers.digest(tree, path, config) for path in files}
    record = build / 'tidy_lint.json'
    passed = json.loads(record.read_text()) if record.exists() else {}
    stale = [path for path in files if passed.get(path) != current[path]]
    began, failed = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        said = pool.map(lambda path: lint(clang_tidy, build, root, path), stale)
        for path, complaint in zip(stale, said):
            if complaint:
                failed += 1
                current.pop(path)
                print(f'{path}:\n{complaint[:4000]}')
    record.write_text(json.dumps(current))
    print(f'lint: {len(stale)} files in {time.monotonic() - began:.0f} s, '
          f'{len(files) - len(stale)} unchanged, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
