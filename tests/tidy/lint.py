#!/usr/bin/env python3
"""clang-tidy (.clang-tidy) over every .cc of the rooms and the headers they include.

Usage: lint.py CLANG_TIDY BUILD_DIR JOBS. Needs BUILD_DIR/compile_commands.json. A file that passed
is skipped until it, a project header it includes, or .clang-tidy changes
(BUILD_DIR/tidy_lint.json).

Most of the time would go into the standard headers, once per file; so the files of a room are
checked several at a time, as one unit that includes them (BUILD_DIR/tidy_lint/). Files that their
room's CMakeLists.txt lists under ALONE make a unit each.
"""

import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time

import headers
import rules
import tidy

FILES_PER_UNIT = 18
SHOWN = f'/({"|".join(rules.ROOMS)})/[a-z0-9_/]*\\.(h|cc)$'


def flags_of_rooms(commands, root, build):
    """{room: what its sources are compiled with}: language, definitions and include folders."""
    flags = {room: {} for room in rules.ROOMS}
    for entry in commands:
        path = pathlib.Path(entry['file'])
        for base in (build, root):
            if path.is_relative_to(base):
                room = path.relative_to(base).parts[0]
                break
        else:
            continue
        words = shlex.split(entry['command'])
        for i, word in enumerate(words if room in flags else []):
            if word.startswith(('-D', '-I', '-std=')):
                flags[room][word] = None
            elif word == '-isystem':
                flags[room][word + words[i + 1]] = None
    return {room: list(found) for room, found in flags.items()}


def listed_alone(tree, room):
    """The sources that strata_unity() leaves out of the room's units."""
    pattern = r'(?:\bALONE\b|strata_unity\(strata\b)([^()]*?)\s*(?:\b(?:DEPS|LIBS|SOURCES)\b|\))'
    listed = re.search(pattern, tree.texts.get(f'{room}/CMakeLists.txt', ''))
    return {f'{room}/{name}' for name in listed.group(1).split()} if listed else set()


def units_of(tree, files):
    """`files` in groups that are checked together; each group is of one room."""
    units = []
    for room in rules.ROOMS:
        alone = listed_alone(tree, room)
        mine = [path for path in files if rules.room_of(path) == room]
        together = [path for path in mine if path not in alone]
        parts = -(-len(together) // FILES_PER_UNIT)
        units += [together[part::parts] for part in range(parts)]
        units += [[path] for path in mine if path in alone]
    return sorted(units, key=len, reverse=True)


class Linter:
    def __init__(self, clang_tidy, root, build):
        self.clang_tidy, self.root, self.folder = clang_tidy, root, build / 'tidy_lint'
        self.folder.mkdir(exist_ok=True)
        commands = json.loads((build / 'compile_commands.json').read_text())
        self.flags = flags_of_rooms(commands, root, build)

    def run(self, files):
        """What clang-tidy says about the files of one room; empty when it is content."""
        unit = self.folder / (files[0].replace('/', '_'))
        unit.write_text(''.join(f'#include "{path}"\n' for path in files))
        result = subprocess.run(
            [self.clang_tidy, '--quiet', f'--header-filter={SHOWN}',
             f'--config-file={self.root}/.clang-tidy', str(unit), '--', '-x', 'c++',
             *self.flags[rules.room_of(files[0])], f'-I{self.root}', '-Wno-everything'],
            capture_output=True, text=True, cwd=self.root)
        return result.stdout or result.stderr if result.returncode else ''

    def complaints(self, files):
        """{files: complaint} of a unit; one that does not compile is taken apart first."""
        said = self.run(files)
        if 'clang-diagnostic-error' in said and len(files) > 1:
            return {(path,): self.run([path]) for path in files}
        return {tuple(files): said}


def main():
    clang_tidy, build, jobs = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), int(sys.argv[3])
    root = pathlib.Path(__file__).resolve().parents[2]
    tree = tidy.load(root)
    files = [path for path, _ in tree.cpp()
             if path.endswith('.cc') and rules.room_of(path) in rules.ROOMS]
    config = (root / '.clang-tidy').read_text()
    current = {path: headers.digest(tree, path, config) for path in files}
    record = build / 'tidy_lint.json'
    passed = json.loads(record.read_text()) if record.exists() else {}
    stale = [path for path in files if passed.get(path) != current[path]]
    linter = Linter(clang_tidy, root, build)
    began, failed = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for said in pool.map(linter.complaints, units_of(tree, stale)):
            for unit, complaint in said.items():
                if complaint:
                    failed += 1
                    for path in unit:
                        current.pop(path)
                    print(f'{" ".join(unit)}:\n{complaint[:4000]}')
    record.write_text(json.dumps(current))
    print(f'lint: {len(stale)} files in {time.monotonic() - began:.0f} s, '
          f'{len(files) - len(stale)} unchanged, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
