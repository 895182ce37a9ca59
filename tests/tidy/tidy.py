#!/usr/bin/env python3
"""Checks the house rules (rules.py) over every tracked file; exceptions.txt holds the exceptions.

Usage: tidy.py [ROOT]. Prints `path:line: rule: text` per offence; exit 1 when there is one.
"""

import pathlib
import subprocess
import sys

import rules

TEXT = ('.h', '.cc', '.cu', '.cuh', '.py', '.cmake', '.sh', '.md', '.txt', '.yaml', '.in', '.json')
SKIPPED = ('datasets/', 'tests/tidy/exceptions.txt')


class Tree:
    """The text files of a checkout by path, and the exceptions granted to them."""

    def __init__(self, texts, exceptions=''):
        self.texts = texts
        self.granted = {}
        for number, line in enumerate(exceptions.split('\n'), 1):
            if not line.strip() or line.startswith('#'):
                continue
            fields = [field.strip() for field in line.split('|')]
            if len(fields) != 3 or not all(fields):
                raise SystemExit(f'exceptions.txt:{number}: not "rule | path[#symbol] | reason"')
            self.granted[tuple(fields[:2])] = False

    def cpp(self):
        return [(path, text) for path, text in self.texts.items() if rules.is_cpp(path)]

    def files(self, *endings):
        return [(path, text) for path, text in self.texts.items() if path.endswith(endings)]

    def is_granted(self, offence):
        """True when exceptions.txt lists the offence; remembers that the entry was needed."""
        for where in (f'{offence.path}#{offence.symbol}', offence.path):
            if (offence.rule, where) in self.granted:
                self.granted[offence.rule, where] = True
                return True
        return False


def check(tree):
    """Every offence that no exception covers, and every exception that covers none."""
    offences = [o for rule in rules.ALL for o in rule(tree) if not tree.is_granted(o)]
    for (rule, where), used in tree.granted.items():
        if not used:
            offences.append(rules.Offence('exceptions', 'tests/tidy/exceptions.txt', 1,
                                          f'"{rule} | {where}" is not needed any more: delete it'))
    return sorted(set(offences), key=lambda o: (o.path, o.line, o.rule))


def tracked_files(root):
    """Files git knows or would add; every file outside build folders when there is no git."""
    git = subprocess.run(['git', '-C', str(root), 'ls-files', '-co', '--exclude-standard'],
                         capture_output=True, text=True)
    if git.returncode == 0:
        return [path for path in git.stdout.split('\n') if path and (root / path).is_file()]
    return [str(path.relative_to(root)) for path in root.rglob('*') if path.is_file()
            and not str(path.relative_to(root)).startswith(('build', '.', 'runs', 'out', 'dist'))]


def load(root):
    plain = ('run-tests', 'quickstart', '.ci/run', 'LICENSE', 'NOTICE')
    texts = {path: (root / path).read_text(encoding='utf-8', errors='replace')
             for path in tracked_files(root)
             if (path.endswith(TEXT) or path in plain) and not path.startswith(SKIPPED)}
    return Tree(texts, (root / 'tests/tidy/exceptions.txt').read_text(encoding='utf-8'))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[2]
    tree = load(root)
    offences = check(tree)
    for offence in offences:
        print(f'{offence.path}:{offence.line}: {offence.rule}: {offence.text}')
    print(f'tidy: {len(tree.texts)} files, {len(tree.granted)} exceptions, '
          f'{len(offences)} offences')
    return 1 if offences else 0


if __name__ == '__main__':
    sys.exit(main())
