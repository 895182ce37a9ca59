"""Just enough C++ reading for the tidy rules: comments and strings blanked, functions found.

It relies on the project's style (clang-format, no macros that hide braces) and is no parser.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r'//[^\n]*'                                   # line comment
    r'|/\*.*?\*/'                                 # block comment
    r'|R"(?P<tag>[^()\\ \n]{0,16})\(.*?\)(?P=tag)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'                       # string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",      # character, not a digit separator
    re.DOTALL)


def blank(text):
    """`text` with comments, strings and characters as spaces; every line stays where it is."""
    def spaces(match):
        found = match.group(0)
        inner = re.sub(r'[^\n]', ' ', found)
        if found[0] in '"\'' or found.startswith('R"'):
            return '"' + inner[1:-1] + '"'
        return inner
    return _TOKEN.sub(spaces, text)


@dataclass
class Function:
    name: str
    first_line: int
    last_line: int
    parameters: int
    nesting: int = 0

    @property
    def lines(self):
        return self.last_line - self.first_line + 1


_NOT_A_NAME = {'decltype', 'noexcept', 'requires', 'explicit', 'alignas', '__attribute__', 'throw',
               'sizeof', 'static_assert', 'if', 'for', 'while', 'switch', 'return', 'catch'}
_NAME = r'(operator\s*(?:\(\)|[^\s\w(]+|\w+[\s*&]*)|~?[A-Za-z_]\w*)\s*\('
_SCOPE = re.compile(r'\b(namespace|class|struct|union|enum|extern)\b')


def _matching(text, start):
    """Index of the bracket that closes the one at `start`, or -1."""
    pairs = {'(': ')', '{': '}', '[': ']'}
    close, depth = pairs[text[start]], 0
    for i in range(start, len(text)):
        if text[i] == text[start]:
            depth += 1
        elif text[i] == close:
            depth -= 1
            if depth == 0:
                return i
    return -1


def _without_attributes(header):
    """Blanks [[…]], __attribute__((…)), template<…> heads: none of them names the function."""
    header = re.sub(r'\[\[.*?\]\]', lambda m: ' ' * len(m.group(0)), header, flags=re.DOTALL)
    for word in ('__attribute__', 'alignas', 'requires', 'decltype', 'explicit'):
        for match in reversed(list(re.finditer(word + r'\s*\(', header))):
            end = _matching(header, match.end() - 1)
            if end > 0:
                header = header[:match.start()] + ' ' * (end + 1 - match.start()) + header[end + 1:]
    return header


def _parameter_list(header):
    """(name, inside of the parameter list, what follows it) of a function header, or None."""
    header = _without_attributes(header)
    for match in re.finditer(_NAME, header):
        name = re.sub(r'\s+', '', match.group(1))
        if name in _NOT_A_NAME:
            continue
        end = _matching(header, match.end() - 1)
        if end < 0:
            return None
        return name, header[match.end():end], header[end + 1:]
    return None


def count_parameters(inside):
    """Number of parameters in the text between the parentheses."""
    inside = inside.strip()
    if inside in ('', 'void'):
        return 0
    depth, count = 0, 1
    for i, char in enumerate(inside):
        if char in '(<{[':
            depth += 1
        elif char in ')}]' or (char == '>' and inside[i - 1] not in '-='):
            depth -= 1
        elif char == ',' and depth == 0:
            count += 1
    return count


def _is_function(header):
    """What kind of brace follows `header`: 'function', 'initialiser' (of a member) or 'other'."""
    ends_like_one = re.search(r'\)\s*(const)?\s*$', header)
    if _SCOPE.search(re.sub(r'<[^<>]*>', '', header)) and not ends_like_one:
        found = _parameter_list(header)
        if found is None or not re.search(r'->', found[2]):
            return 'other', None
    found = _parameter_list(header)
    if found is None:
        return 'other', None
    name, inside, rest = found
    before = header[:header.index(name.split('operator')[0] or 'operator')]
    if '=' in before.replace('==', '') and 'operator' not in header:
        return 'other', None
    if not name.startswith('operator') and re.match(r'\s*(=|;)', rest):
        return 'other', None
    in_initialisers = re.match(r'(?:\s|const|noexcept)*:(?!:)', rest)
    if in_initialisers and re.search(r'[\w>]\s*$', rest):
        return 'initialiser', None
    return 'function', (name, count_parameters(inside))


_BLOCK = re.compile(r'(?:[)\]]|\b(?:else|do|try|mutable|noexcept)|->\s*[\w:<>*& ]+)\s*$|\n\s*$')


def nesting(body):
    """Blocks in one another in the braces of a function: those of if, for, switch, lambdas, …"""
    deepest, stack = 0, []
    for i, char in enumerate(body[1:], 1):
        if char == '{':
            stack.append(_BLOCK.search(body, max(0, i - 200), i) is not None)
            deepest = max(deepest, sum(stack))
        elif char == '}' and stack:
            stack.pop()
    return deepest


def functions(text):
    """Every function definition outside other functions, from the raw text of a file."""
    code = blank(text)
    code = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda m: re.sub(r'[^\n]', ' ', m.group(0)),
                  code, flags=re.MULTILINE)
    found, start, i = [], 0, 0
    while i < len(code):
        char = code[i]
        if char in ';}':
            start = i + 1
        elif char == ':' and re.search(r'(?:public|private|protected)\s*$', code[start:i]):
            start = i + 1
        elif char == '(':
            i = max(i, _matching(code, i))
        elif char == '{':
            kind, function = _is_function(code[start:i])
            end = _matching(code, i)
            if end < 0:
                break
            if kind == 'function':
                begin = start + len(code[start:i]) - len(code[start:i].lstrip())
                found.append(Function(function[0], code.count('\n', 0, begin) + 1,
                                      code.count('\n', 0, end) + 1, function[1],
                                      nesting(code[i:end])))
                i, start = end, end + 1
            elif kind == 'initialiser' or '=' in code[start:i].replace('==', ''):
                i = end
            else:
                start = i + 1
        i += 1
    return found
