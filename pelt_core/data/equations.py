"""An equation of a word problem -> its value and the worked steps, exactly, by `ast` and fractions.

`70-x=27` becomes 43 and "70 - 27 = 43."; `X=((32.0+42.0)-35.0)` becomes 39 and "32 + 42 = 74. 74 - 35 = 39."
An unknown that occurs once is isolated by undoing the operations around it from the outside in; nothing is evaluated
as Python, and anything but numbers, one unknown, + - * / and brackets is refused.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

MAX_LENGTH = 200
SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
APPLY: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
UNDO = {"+": "-", "-": "+", "*": "/", "/": "*"}


class Unworkable(ValueError):
    """An equation from which no worked solution follows; the message is the reason."""


@dataclass(frozen=True)
class Worked:
    """The unknown's value, and one sentence for each operation."""

    value: Fraction
    steps: str


def format_number(value: Fraction) -> str:
    """Plain decimal text, rounded to four places, without trailing zeros: `48`, `-0.5`, `0.6667`."""
    scaled = round(value * 10_000)
    whole, places = divmod(abs(scaled), 10_000)
    text = f"{whole}.{places:04d}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text


def work(equation: str) -> Worked:
    """Solve `equation` for its one unknown; without "=" the text is an expression to evaluate.

    Raises:
        Unworkable: it is not a solvable equation of the form described above.
    """
    text = equation.replace(" ", "")
    if len(text) > MAX_LENGTH:
        raise Unworkable(f"it is longer than {MAX_LENGTH} characters")
    sides = text.split("=") if "=" in text else ["x", text]
    if len(sides) != 2:
        raise Unworkable(f"it has {len(sides) - 1} equals signs")
    left, right = (_parse(side) for side in sides)
    unknowns = [node.id for side in (left, right) for node in ast.walk(side) if isinstance(node, ast.Name)]
    if len(unknowns) != 1:
        raise Unworkable("it has no unknown" if not unknowns else f"an unknown occurs {len(unknowns)} times")
    if not _has_unknown(left):
        left, right = right, left
    steps: list[str] = []
    try:
        value = _isolate(left, _evaluate(right, steps), steps)
    except ZeroDivisionError:
        raise Unworkable("it divides by zero") from None
    return Worked(value, " ".join(steps))


def _parse(side: str) -> ast.expr:
    try:
        return ast.parse(side, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Unworkable(f"{side!r} is not an arithmetic expression") from None


def _has_unknown(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name) for part in ast.walk(node))


def _operator(node: ast.BinOp) -> str:
    if type(node.op) not in SYMBOLS:
        raise Unworkable(f"it uses the operation {type(node.op).__name__}, none of {', '.join(APPLY)}")
    return SYMBOLS[type(node.op)]


def _apply(a: Fraction, operator: str, b: Fraction, steps: list[str]) -> Fraction:
    value = APPLY[operator](a, b)
    second = format_number(b) if b >= 0 else f"({format_number(b)})"
    steps.append(f"{format_number(a)} {operator} {second} = {format_number(value)}.")
    return value


def _evaluate(node: ast.expr, steps: list[str]) -> Fraction:
    match node:
        case ast.BinOp():
            a, b = _evaluate(node.left, steps), _evaluate(node.right, steps)
            return _apply(a, _operator(node), b, steps)
        case ast.UnaryOp(op=ast.USub()):
            return -_evaluate(node.operand, steps)
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            try:
                return Fraction(str(number))
            except ValueError:
                raise Unworkable(f"{number} is not a finite number") from None
    raise Unworkable(f"{ast.unparse(node)!r} is not arithmetic")


def _isolate(node: ast.expr, value: Fraction, steps: list[str]) -> Fraction:
    """The unknown of `node = value`, where it occurs once."""
    match node:
        case ast.Name():
            return value
        case ast.UnaryOp(op=ast.USub()):
            return _isolate(node.operand, -value, steps)
        case ast.BinOp(left=left, right=right):
            operator = _operator(node)
            if _has_unknown(left):
                return _isolate(left, _apply(value, UNDO[operator], _evaluate(right, steps), steps), steps)
            known = _evaluate(left, steps)
            if operator in "-/":  # a - x = v and a / x = v give x = a - v and x = a / v
                return _isolate(right, _apply(known, operator, value, steps), steps)
            return _isolate(right, _apply(value, UNDO[operator], known, steps), steps)
    raise Unworkable(f"{ast.unparse(node)!r} is not arithmetic")
