#!/usr/bin/env python3
"""Every C++ file is as clang-format 14 writes it. Usage: format.py CLANG_FORMAT [--fix]."""

import pathlib
import subprocess
import sys

import rules
import tidy


def main():
    clang_format = sys.argv[1]
    root = pathlib.Path(__file__).resolve().parents[2]
    version = subprocess.run([clang_format, '--version'], capture_output=True, text=True).stdout
    if 'version 14.' not in version:
        print(f'skipped: the format is that of clang-format 14, this is {version.strip()}')
        return 77
    files = [path for path in tidy.tracked_files(root) if rules.is_cpp(path)]
    mode = ['-i'] if '--fix' in sys.argv else ['--dry-run']
    result = subprocess.run([clang_format, '--style=file', *mode, *files], cwd=root,
                            capture_output=True, text=True)
    bad = sorted({line.split(':')[0] for line in result.stderr.split('\n')
                  if 'clang-format-violations' in line})
    for path in bad:
        print(f'{path}: not formatted: run clang-format-14 -i {path}')
    print(f'format: {len(files)} files, {len(bad)} not formatted')
    return 1 if bad or result.returncode else 0


if __name__ == '__main__':
    sys.exit(main())
