"""The house rules as functions: each takes the tree and yields Offence(rule, path, line, text).

ARCHITECTURE.md and CONTRIBUTING.md state them in prose; where the two differ, this file wins.
"""

import re
from dataclasses import dataclass

import cpp

# An arrow means "may include". cli/ wires everything; tests/ and bench/ may look into all.
LOWER = ['base', 'kernels']
ARROWS = {
    'base': [],
    'kernels': ['base'],
    'net': LOWER,
    'storage': LOWER,
    'embedding': LOWER + ['storage', 'net'],
    'dense': LOWER + ['net'],
    'models': LOWER + ['embedding', 'dense'],
    'data': ['base'],
    'train': LOWER + ['models', 'data', 'embedding', 'dense', 'storage', 'net'],
    'serving': LOWER + ['models', 'data', 'embedding', 'dense', 'storage', 'net'],
}
ROOMS = [*ARROWS, 'cli']
ARROWS['cli'] = [room for room in ROOMS if room != 'cli']
FREE = ['tests', 'bench']  # may include every room

MAX_FUNCTION, MAX_KERNEL, MAX_FILE, MAX_LINE, MAX_PARAMETERS, MAX_README = 70, 100, 500, 100, 5, 80
MAX_NESTING = 3  # blocks in a function, lambdas too; the grids of tests/ are loops in loops


@dataclass(frozen=True)
class Offence:
    rule: str
    path: str
    line: int
    text: str
    symbol: str = ''


@dataclass(frozen=True)
class Ban:
    pattern: str
    instead: str
    allowed: tuple = ()       # path prefixes where the call is at home
    everywhere: bool = False  # tests/ and bench/ too


BANS = [
    Ban(r'(?<![\w.>])(?:std::)?(?:rand|srand|random|drand48)\s*\(', 'CounterRng (base/hash.h)',
        everywhere=True),
    Ban(r'\bstd::(?:mt19937\w*|random_device|default_random_engine)\b', 'CounterRng (base/hash.h)'),
    Ban(r'(?<![\w.>])(?:std::|::)?time\s*\(\s*(?:nullptr|NULL|0|&)',
        'a step number, or steady_clock in train/', everywhere=True),
    Ban(r'\bsystem_clock\b|\bgettimeofday\s*\(|\blocaltime\w*\s*\(',
        'a step number; only cli/ and train/ see the wall clock', ('cli/', 'train/')),
    Ban(r'\bsteady_clock\b|\bclock_gettime\s*\(', 'no clock here; time is known to train/ and cli/',
        ('cli/', 'train/', 'base/')),
    Ban(r'(?<![\w.>:])(?:std::)?(?:v?f?printf|puts|fputs|putchar)\s*\(',
        'spdlog, or return the text', ('cli/',)),
    Ban(r'\bstd::(?:cout|cerr|clog)\b|\bfmt::print\s*\(', 'spdlog, or return the text', ('cli/',)),
    Ban(r'\bstd::(?:thread\b(?!::)|async\s*\()|\bpthread_create\b',
        'ThreadPool (base/thread_pool.h), or std::jthread with a stop_token', ('base/',)),
    Ban(r'\bthread_local\b', 'a member of the object that needs the state', everywhere=True),
    Ban(r'\bomp\s+parallel\b|\bomp_\w+\s*\(', 'ThreadPool (base/thread_pool.h)'),
    Ban(r'(?<![\w.>])(?:::|std::|fs::|std::filesystem::|filesystem::)?'
        r'(?:rename|renameat2?|fsync|fdatasync|sync_file_range)\s*\(',
        'FileSystem of storage/: each call there has a named fail point', ('storage/file_system',)),
    Ban(r'\bnew\s+(?:\(|[A-Za-z_:])', 'std::make_unique or a value member', ('base/',), True),
    Ban(r'(?<!=\s)(?<!operator )\bdelete\b(?:\s*\[\s*\])?\s+[\w*(]', 'std::unique_ptr', ('base/',),
        True),
    Ban(r'(?<![\w.>:])(?:std::)?(?:malloc|calloc|realloc|free|aligned_alloc|posix_memalign)\s*\(',
        'AlignedVector or HugeBuffer (base/buffer.h)', ('base/',)),
    Ban(r'(?<![\w.>])(?:::)?(?:mmap|munmap)\s*\(', 'HugeBuffer (base/buffer.h); files are read, '
        'so that one that shrinks is an error and not SIGBUS', ('base/buffer.cc',)),
    Ban(r'\b_mm(?:256|512)?_\w+\s*\(|\b__m(?:128|256|512)[id]?\b', 'isa::dispatch (base/isa.h)',
        ('kernels/', 'base/byte_mask.h')),
    Ban(r'(?<![\w.>:])(?:std::)?(?:exit|_exit|abort|quick_exit)\s*\(', 'throw Error (base/error.h)',
        ('cli/',)),
    Ban(r'(?<![\w.>:])(?:std::)?(?:atoi|atol|atoll|atof|strtok|gets|sprintf|vsprintf|strcpy|strcat)'
        r'\s*\(', 'std::from_chars, fmt or std::string', everywhere=True),
    Ban(r'\bstd::sto(?:i|l|ll|ul|ull|f|d|ld)\s*\(', 'std::from_chars: no locale, no exception'),
    Ban(r'(?<![\w.])assert\s*\(', 'STRATA_CHECK (base/check.h): it is on in release builds too'),
    Ban(r'\busing\s+namespace\s+std\b', 'the names, one by one', everywhere=True),
    Ban(r'\bthrow\s+std::', 'throw Error{code, …} (base/error.h), or STRATA_CHECK', ('base/',)),
    Ban(r'\bstd::regex\b', 'from_chars or string_view::find: it is slow and overflows the stack'),
    Ban(r'(?<![\w.>:])(?:std::)?(?:getenv|setenv|putenv)\s*\(', 'a config key; cli/ reads STRATA_*',
        ('cli/', 'base/isa.cc')),
    Ban(r'(?<![\w.>:])(?:std::)?(?:system|popen|dlopen)\s*\(', 'no other program, no loaded code'),
]

INCLUDE_BANS = [
    (re.compile(r'^(?:\w*mmintrin|x86intrin|immintrin)\.h$'), ('kernels/', 'base/byte_mask.h'),
     'isa::dispatch of base/'),
    (re.compile(r'^(?:cuda|cub/|thrust/|nccl|cublas|cooperative_groups)'), ('.cu', '.cuh'),
     'a .cu or .cuh: the extension is the contract'),
    (re.compile(r'^yaml-cpp/'), ('train/yaml',), 'the one YAML reader (train/yaml*)'),
    (re.compile(r'^(?:regex|iostream|future)$'), ('base/', 'cli/', 'tests/', 'bench/'),
     'nothing: the banned calls need it'),
]


def room_of(path):
    return path.split('/', 1)[0] if '/' in path else ''


def is_cpp(path):
    return path.endswith(('.h', '.cc', '.cu', '.cuh'))


def is_header(path):
    return path.endswith(('.h', '.cuh'))


def includes(text):
    """(line, name, quoted) of every #include."""
    for number, line in enumerate(text.split('\n'), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def room_arrows(tree):
    for path, text in tree.cpp():
        room = room_of(path)
        for line, name, quoted in includes(text):
            target = room_of(name)
            if not quoted:
                continue
            if target not in ROOMS + FREE:
                yield Offence('arrows', path, line, f'include "{name}" does not start with a room')
            elif room in ROOMS and target != room and target not in ARROWS[room]:
                yield Offence('arrows', path, line, f'{room}/ may not include {target}/ ({name})')


def cmake_arrows(tree):
    for path, text in tree.files('CMakeLists.txt'):
        for match in re.finditer(r'strata_room\((\w+)([^)]*)\)', text):
            room, body = match.group(1), match.group(2)
            found = re.search(r'\bDEPS\s+((?:\w+\s*)+?)(?:\bLIBS\b|\bSOURCES\b|$)', body)
            for dep in found.group(1).split() if found else []:
                if room in ARROWS and dep in ROOMS and dep not in ARROWS[room]:
                    line = text.count('\n', 0, match.start()) + 1
                    yield Offence('arrows', path, line, f'{room}/ may not link {dep}/')


def sizes(tree):
    for path, text in tree.cpp():
        lines = text.count('\n')
        if lines > MAX_FILE:
            yield Offence('file_size', path, 1, f'{lines} lines, at most {MAX_FILE}')
        for function in cpp.functions(text):
            kernel = function.name.endswith('_kernel') or path.endswith(('.cu', '.cuh'))
            limit = MAX_KERNEL if kernel else MAX_FUNCTION
            if function.lines > limit:
                yield Offence('function_size', path, function.first_line,
                              f'{function.name}: {function.lines} lines, at most {limit}',
                              function.name)
            if function.nesting > MAX_NESTING and room_of(path) != 'tests':
                yield Offence('nesting', path, function.first_line,
                              f'{function.name}: {function.nesting} blocks in one another, at most '
                              f'{MAX_NESTING}', function.name)
            if function.parameters > MAX_PARAMETERS:
                yield Offence('parameters', path, function.first_line,
                              f'{function.name}: {function.parameters} parameters, at most '
                              f'{MAX_PARAMETERS}; make a struct', function.name)


def line_lengths(tree):
    code = ('.h', '.cc', '.cu', '.cuh', '.py', '.cmake', 'CMakeLists.txt', '.sh')
    for path, text in tree.files(*code):
        for number, line in enumerate(text.split('\n'), 1):
            if len(line) > MAX_LINE and 'http' not in line:
                yield Offence('line_length', path, number,
                              f'{len(line)} columns, at most {MAX_LINE}')


def banned_calls(tree):
    for path, text in tree.cpp():
        code = cpp.blank(text)
        outside = room_of(path) in FREE
        for ban in BANS:
            if path.startswith(ban.allowed) or (outside and not ban.everywhere):
                continue
            for match in re.finditer(ban.pattern, code):
                line = code.count('\n', 0, match.start()) + 1
                call = match.group(0).strip()
                yield Offence('banned', path, line, f"'{call}': use {ban.instead}",
                              call.rstrip('( '))
        for line, name, _ in includes(text):
            for pattern, allowed, instead in INCLUDE_BANS:
                if pattern.match(name) and not path.startswith(allowed) and \
                        not path.endswith(allowed):
                    yield Offence('banned', path, line, f'include <{name}>: use {instead}')


def headers(tree):
    for path, text in tree.cpp():
        code = [line for line in cpp.blank(text).split('\n') if line.strip()]
        if is_header(path) and (not code or code[0].strip() != '#pragma once'):
            yield Offence('pragma_once', path, 1, 'a header starts with #pragma once')
        own = path[:-3] + '.h'
        if path.endswith('.cc') and own in tree.texts:
            first = next(includes(text), (1, '', True))
            if first[1] != own:
                yield Offence('own_header_first', path, first[0], f'the first include must be '
                              f'"{own}": it proves that the header compiles alone')
        room = room_of(path)
        if room in ROOMS and room not in ('base', 'cli') and 'namespace' in text:
            if not re.search(rf'namespace strata(?:::{room}\b|\s*{{|::isa\b)', text):
                yield Offence('namespace', path, 1, f'nothing in namespace strata::{room}')


def words(tree):
    to_do = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK)\b')
    machine = re.compile(r'(?<![\w.])/(?:wo' r'rk|ro' r'ot|ho' r'me)/')
    for path, text in tree.texts.items():
        if path == 'LICENSE':
            continue
        for number, line in enumerate(text.split('\n'), 1):
            if to_do.search(line):
                yield Offence('words', path, number, 'open work belongs into an issue')
            if machine.search(line):
                yield Offence('words', path, number, 'a path of one machine')


def file_names(tree):
    bad = re.compile(r'(?:^|[/_])(?:utils?|helpers?|managers?|common|misc|v2|new)(?:[_./]|$)')
    for path in tree.texts:
        if (is_cpp(path) or path.endswith('.py')) and (bad.search(path) or re.search(
                r'[A-Z-]', path)):
            yield Offence('file_name', path, 1, 'snake_case, and say what it is about')


def _mentioned_elsewhere(tree, path, name):
    return any(re.search(rf'\b{re.escape(name)}\b', text)
               for other, text in tree.texts.items() if other != path)


def dead_files(tree):
    cmake = '\n'.join(text for _, text in tree.files('CMakeLists.txt', '.cmake'))
    included = {name for _, text in tree.cpp() for _, name, quoted in includes(text) if quoted}
    for path in tree.texts:
        name = path.rsplit('/', 1)[-1]
        if path.endswith(('.cc', '.cu')) and not re.search(rf'(?<![\w]){re.escape(name)}\b', cmake):
            yield Offence('dead_file', path, 1, 'no CMakeLists.txt names it')
        if is_header(path) and path not in included:
            yield Offence('dead_file', path, 1, 'nothing includes it')
        if path.endswith(('.py', '.sh')) and not _mentioned_elsewhere(tree, path, name[:-3]):
            yield Offence('dead_file', path, 1, 'no build file, script or document names it')


def room_readmes(tree):
    for room in ROOMS:
        if not any(path.startswith(room + '/') for path in tree.texts):
            continue
        text = tree.texts.get(f'{room}/README.md')
        if text is None:
            yield Offence('readme', f'{room}/README.md', 1, 'missing: purpose, doors, invariants, '
                          '"to add an X, do Y"')
        elif text.count('\n') > MAX_README:
            yield Offence('readme', f'{room}/README.md', 1,
                          f'{text.count(chr(10))} lines, at most {MAX_README}')


def third_party(tree):
    listed = tree.texts.get('THIRD_PARTY.md', '').lower()
    cmake = tree.texts.get('cmake/StrataDependencies.cmake', '')
    names = re.findall(r'find_package\((\w[\w-]*)', cmake)
    for name in names:
        if name not in ('Threads', 'PkgConfig') and name.lower() not in listed:
            yield Offence('third_party', 'THIRD_PARTY.md', 1, f'no entry for {name}')
    for line in tree.texts.get('scripts/dependencies.txt', '').split('\n'):
        fields = line.split()
        if len(fields) == 3 and not line.startswith('#') and fields[1] not in listed:
            yield Offence('third_party', 'THIRD_PARTY.md', 1, f'no entry for package {fields[1]}')


ALL = [room_arrows, cmake_arrows, sizes, line_lengths, banned_calls, headers, words, file_names,
       dead_files, room_readmes, third_party]
