"""Starter files are made from the solutions: what stands between the region marks is taken out."""

import ast
import re

from nnscratch.course.exercises import CourseError

BEGIN, END = "# solution", "# end of solution"


def starter_of(solution: str) -> str:
    """Return the starter file that belongs to a solution: every region becomes `raise NotWritten("its_function")`.

    >>> print(starter_of('''
    ... def double(x):
    ...     "Return 2 x."
    ...     # solution
    ...     return 2 * x
    ...     # end of solution
    ... ''').strip())
    def double(x):
        "Return 2 x."
        raise NotWritten("double")
    """
    lines, function, inside = [], None, False
    for line in solution.splitlines(keepends=True):
        defined = re.match(r"def (\w+)", line)
        if defined:
            function = defined.group(1)
        if line.strip() == BEGIN:
            if inside or function is None:
                raise CourseError(f"in a solution: {BEGIN!r} stands in no function or in another region")
            inside = True
            lines.append(f'{line[: line.index("#")]}raise NotWritten("{function}")\n')
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    if inside:
        raise CourseError(f"in a solution: {END!r} is missing in {function}")
    return "".join(lines)


def span_of(source: str, name: str) -> tuple[int, int]:
    """Return the first and the last line (from 1) of the function `name` in a file, its decorators included.

    >>> span_of("import math\\n\\n\\ndef double(x):\\n    return 2 * x\\n", "double")
    (4, 5)
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return first, node.end_lineno or node.lineno
    raise CourseError(f"there is no function {name} in the file")


def function_in(source: str, name: str) -> str:
    """Return the source of one function of a file.

    >>> function_in("import math\\n\\n\\ndef double(x):\\n    return 2 * x\\n", "double")
    'def double(x):\\n    return 2 * x\\n'
    """
    first, last = span_of(source, name)
    return "".join(source.splitlines(keepends=True)[first - 1 : last])


def is_untouched(source: str, name: str) -> bool:
    """Tell whether the function `name` is as the starter has it: a docstring and `raise NotWritten`.

    >>> is_untouched('def double(x):\\n    "2 x."\\n    raise NotWritten("double")', "double")
    True
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            body = node.body[1:] if ast.get_docstring(node) else node.body
            return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotWritten" in ast.unparse(body[0])
    return False


def with_function(source: str, name: str, function: str) -> str:
    """Return a file with the function `name` put in place of the one that is there.

    >>> with_function("import math\\ndef double(x):\\n    return 2\\n", "double", "def double(x): return 2 * x")
    'import math\\ndef double(x): return 2 * x\\n'
    """
    first, last = span_of(source, name)
    lines = source.splitlines(keepends=True)
    return "".join([*lines[: first - 1], function.strip("\n") + "\n", *lines[last:]])
