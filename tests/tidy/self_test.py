#!/usr/bin/env python3
"""Every rule of tidy can fail: a bad snippet per rule, and good ones that must pass."""

import json
import pathlib
import shutil
import tempfile
import unittest

import cpp
import lint
import rules
import tidy


def offences(texts, exceptions=''):
    """The rules broken by a tree of these files, as a set of (rule, path)."""
    base = {'THIRD_PARTY.md': ''}
    return {(o.rule, o.path) for o in tidy.check(tidy.Tree({**base, **texts}, exceptions))}


def body(lines):
    return 'void f() {\n' + '  g();\n' * lines + '}\n'


class FindsFunctions(unittest.TestCase):
    def names(self, text):
        return [(f.name, f.lines, f.parameters) for f in cpp.functions(text)]

    def test_free_and_member_functions(self):
        self.assertEqual(self.names('int f(int a, std::map<int, int> b) {\n  return 1;\n}\n'),
                         [('f', 3, 2)])
        self.assertEqual(self.names('struct S {\n  int g() const { return 1; }\n  int h_;\n};'),
                         [('g', 1, 0)])

    def test_constructors_with_initialisers(self):
        self.assertEqual(self.names('A::A(int x, int y)\n    : x_{x}, y_(y), z_{} {\n  f();\n}\n'),
                         [('A', 4, 2)])

    def test_templates_attributes_operators_trailing_types(self):
        self.assertEqual(self.names('template <class T>\n__attribute__((target("avx2"))) '
                                    'auto f(T t) -> Foo {\n}\n'), [('f', 3, 1)])
        self.assertEqual(self.names('bool operator==(const A& a, const A& b) { return true; }'),
                         [('operator==', 1, 2)])
        self.assertEqual(self.names('void operator()(int t) const { call_(t); }'),
                         [('operator()', 1, 1)])

    def test_braces_in_strings_comments_and_initialisers(self):
        self.assertEqual(self.names('const char* k = "{ ( ";  // {\nint a[] = {1, 2};\n'
                                    'void f() {\n  auto l = [](int x) { return R"({)"; };\n}\n'),
                         [('f', 3, 0)])

    def test_namespaces_and_enums_are_no_functions(self):
        self.assertEqual(self.names('namespace a {\nenum class E { kA };\nclass B : public C {\n'
                                    ' public:\n  B() = default;\n};\n}  // namespace a\n'), [])

    def test_lines_after_the_class_do_not_count(self):
        self.assertEqual(self.names('class A {\n public:\n  void f() {\n    g();\n  }\n};\n'),
                         [('f', 3, 0)])


@unittest.skipUnless(shutil.which('clang-tidy-16'), 'clang-tidy-16 is not installed')
class LintCanFail(unittest.TestCase):
    """.clang-tidy refuses names that are not the house's, and takes those that are."""

    def complaints(self, *texts):
        """What lint says about files of one room with these texts, checked as one unit."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / '.clang-tidy').write_text(pathlib.Path(tidy.__file__).resolve().parents[2]
                                              .joinpath('.clang-tidy').read_text())
            (root / 'base').mkdir()
            files = [f'base/x{number}.cc' for number in range(len(texts))]
            for path, text in zip(files, texts):
                (root / path).write_text(text)
            (root / 'compile_commands.json').write_text(json.dumps(
                [{'file': str(root / path), 'command': 'g++ -std=c++20'} for path in files]))
            said = lint.Linter('clang-tidy-16', root, root).complaints(files)
            return ''.join(said.values())

    def test_names(self):
        for bad in ('struct lower {};', 'void Upper() {}', 'int f(int Arg) { return Arg; }',
                    'class A { int x = 0; };', 'const int limit = 3;', 'enum class E { red };',
                    'namespace Big {}', 'template <class item> void f(item) {}'):
            self.assertIn('readability-identifier-naming', self.complaints(bad + '\n'), bad)

    def test_parameters_that_are_easily_swapped(self):
        rule = 'bugprone-easily-swappable-parameters'
        self.assertIn(rule, self.complaints('void f(int rows, int bytes) {}\n'))
        for good in ('void f(int table, int shard) {}', 'void f(int rows, float x, int bytes) {}',
                     'void f(int rows, long bytes) {}',
                     'bool f(int rows, int bytes) { return rows < bytes; }'):
            self.assertEqual('', self.complaints(good + '\n'), good)

    def test_files_that_cannot_share_a_unit_are_checked_apart(self):
        mine, yours = 'constexpr int kMine = 1;\n', 'constexpr long kMine = 2;\n'
        self.assertEqual('', self.complaints(mine, yours))
        self.assertIn('x1.cc', self.complaints(mine, yours + 'struct lower {};\n'))

    def test_house_style_passes(self):
        self.assertEqual('', self.complaints(
            'namespace strata {\nconstexpr int kLimit = 3;\nenum class Kind { kSum };\n'
            'class Table {\n public:\n  int rows() const { return rows_; }\n private:\n'
            '  int rows_ = kLimit;\n};\n}\n'))


class EachRuleCanFail(unittest.TestCase):
    def expect(self, rule, path, text, more=()):
        self.assertIn((rule, path), offences({path: text, **dict(more)}))

    def expect_not(self, rule, path, text, more=()):
        self.assertNotIn((rule, path), offences({path: text, **dict(more)}))

    def test_arrows(self):
        self.expect('arrows', 'data/x.h', '#include "embedding/y.h"\n')
        self.expect('arrows', 'data/x.h', '#include "y.h"\n')
        self.expect('arrows', 'serving/x.h', '#include "train/y.h"\n')
        self.expect_not('arrows', 'train/x.h', '#include "data/y.h"\n')
        self.expect('arrows', 'data/CMakeLists.txt', 'strata_room(data\n  DEPS base train)\n')
        self.expect_not('arrows', 'data/CMakeLists.txt', 'strata_room(data DEPS base LIBS train)\n')

    def test_sizes(self):
        self.expect('function_size', 'data/x.cc', body(69))
        self.expect_not('function_size', 'data/x.cc', body(68))
        self.expect('file_size', 'data/x.cc', '\n' * 501)
        self.expect('line_length', 'data/x.cc', 'x' * 101)
        self.expect('parameters', 'data/x.cc', 'void f(A a, B b, C c, D d, E e, F f) {}')
        self.expect_not('parameters', 'data/x.cc', 'void f(A<int, int> a, B b, C c, D d, E e) {}')

    def test_nesting(self):
        three = 'for (;;) {\n  if (x) {\n    run([&] {\n      %s\n    });\n  } else {\n  }\n}\n'
        deep = 'void f() {\n' + three % 'g({{1}, {2}});' + '}\n'
        self.expect_not('nesting', 'data/x.cc', deep)
        for inner in ('do {\n g();\n } while (x);', '{\n  g();\n}', 'auto l = [] { g(); };',
                      'auto l = [&](int y) -> std::vector<int> { return {y}; };'):
            deep = 'void f() {\n' + three % inner + '}\n'
            self.expect('nesting', 'data/x.cc', deep)
            self.expect_not('nesting', 'tests/data/x_test.cc', deep)

    def test_banned_calls(self):
        for call in ('x = rand();', 'time(nullptr);', 'printf("x");', 'std::thread t(f);',
                     'rename(a, b);', '::fsync(fd);', 'auto* p = new Foo(1);', 'delete p;',
                     'delete[] p;', 'free(p);', '_mm512_add_ps(a, b);', 'thread_local int x;',
                     'assert(x);', 'std::cout << x;', 'throw std::runtime_error("x");', 'exit(1);',
                     'std::stoi(s);', 'getenv("X");', 'std::filesystem::rename(a, b);',
                     'mmap(0, 1);', 'steady_clock::now();', '#include <immintrin.h>',
                     '#include <yaml-cpp/yaml.h>', '#include <cuda_runtime.h>'):
            self.expect('banned', 'data/x.cc', call)

    def test_allowed_calls(self):
        for call in ('uint64_t brand(int);', 'A(const A&) = delete;', 'x.time(0);', 'info(1);',
                     'std::thread::hardware_concurrency();', 'table.rename(a);', 'renew (x);',
                     '// printf("x");', 'log("delete x");', 'operator delete(p);', 'new_row(x);',
                     'static_assert(x);', 'snprintf(b, 3, "x");'):
            self.expect_not('banned', 'data/x.cc', call)
        self.expect_not('banned', 'kernels/x.cc', '#include <immintrin.h>\n_mm512_add_ps(a, b);')

    def test_headers(self):
        self.expect('pragma_once', 'data/x.h', 'int f();')
        self.expect_not('pragma_once', 'data/x.h', '// What it is.\n#pragma once\n')
        self.expect('own_header_first', 'data/x.cc', '#include <vector>\n#include "data/x.h"\n',
                    {'data/x.h': '#pragma once\n'}.items())
        self.expect('namespace', 'data/x.h', '#pragma once\nnamespace strata::train {}\n')

    def test_words_and_names(self):
        self.expect('words', 'data/x.h', '// TO' 'DO: later\n')
        self.expect('words', 'data/x.h', 'open("/wo' 'rk/data")\n')
        self.expect('file_name', 'data/string_utils.h', '')
        self.expect('file_name', 'data/CamelCase.h', '')

    def test_dead_files(self):
        self.expect('dead_file', 'data/x.cc', '')
        self.expect_not('dead_file', 'data/x.cc', '',
                        {'data/CMakeLists.txt': 'strata_room(data SOURCES x.cc)'}.items())
        self.expect('dead_file', 'data/x.h', '#pragma once\n')
        self.expect('dead_file', 'scripts/x.sh', 'x\n')

    def test_readme_and_third_party(self):
        self.expect('readme', 'data/README.md', 'x\n' * 81)
        self.assertIn(('readme', 'data/README.md'), offences({'data/x.h': ''}))
        self.expect('third_party', 'THIRD_PARTY.md', '',
                    {'scripts/dependencies.txt': 'build libfoo-dev header:foo.h'}.items())

    def test_exceptions_are_needed_and_work(self):
        entry = 'function_size | data/x.cc#f | a table of cases'
        self.assertNotIn(('function_size', 'data/x.cc'), offences({'data/x.cc': body(80)}, entry))
        self.assertIn(('exceptions', 'tests/tidy/exceptions.txt'),
                      offences({'data/x.cc': body(8)}, entry))
        self.assertIn(('function_size', 'data/x.cc'),
                      offences({'data/x.cc': body(80)}, 'function_size | data/x.cc#g | no'))

    def test_every_rule_is_here(self):
        self.assertEqual(len(rules.ALL), 11)


if __name__ == '__main__':
    unittest.main(argv=['tidy'], verbosity=0)
