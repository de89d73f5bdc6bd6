"""Arithmetic word problems with worked solutions, made from seeded templates: data that is always at hand.

A template is a text, the equation behind it, and the range of each of its numbers. Numbers are drawn again until every
step of the solution is a whole number of at least 0. Train and test cannot share a problem: a template's numbers belong
to one of them, by their hash, whatever names and things surround them.
"""

import functools
import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from pelt_core.data.catalogue import pin
from pelt_core.data.equations import work

NAMES = [
    "Amara", "Bruno", "Chen", "Daria", "Elias", "Farah", "Goran", "Hana", "Idris", "Jonas",
    "Keiko", "Leila", "Mateo", "Nadia", "Oskar", "Priya", "Ruben", "Sofia", "Tomas", "Yara",
]  # fmt: skip
THINGS = [
    "apples", "beads", "books", "buttons", "cards", "coins", "crayons", "cups", "flags", "flowers",
    "keys", "lemons", "marbles", "nuts", "pencils", "shells", "stamps", "stickers", "stones", "tickets",
]  # fmt: skip
SMALL, MEDIUM, LARGE, ROUND = range(2, 13), range(5, 60), range(20, 300), range(20, 620, 20)
FIVES = range(5, 100, 5)


@dataclass(frozen=True)
class Template:
    """A word problem with `{name}`, `{other}`, `{things}` and the numbers `{a}`, `{b}`, ... left open."""

    structure: str
    text: str
    equation: str
    numbers: dict[str, range]


TEMPLATES = [
    Template("add", "{name} has {a} {things}. {other} gives {name} {b} more. How many {things} does {name} have now?",
             "x={a}+{b}", {"a": LARGE, "b": LARGE}),
    Template("add", "There are {a} {things} on one table and {b} {things} on another. How many are there in all?",
             "x={a}+{b}", {"a": LARGE, "b": MEDIUM}),
    Template("subtract", "{name} had {a} {things} and gave {b} of them to {other}. How many {things} did {name} keep?",
             "x={a}-{b}", {"a": LARGE, "b": MEDIUM}),
    Template("subtract", "A shop had {a} {things} in the morning and {b} in the evening. How many {things} were sold?",
             "x={a}-{b}", {"a": LARGE, "b": LARGE}),
    Template("multiply", "{name} fills {a} boxes with {b} {things} each. How many {things} are in the boxes?",
             "x={a}*{b}", {"a": SMALL, "b": MEDIUM}),
    Template("divide", "{name} shares {a} {things} equally among {b} children. How many {things} does each child get?",
             "x={a}/{b}", {"a": LARGE, "b": SMALL}),
    Template("steps", "{name} found {a} {things} on Monday and {b} on Tuesday, and then gave {c} of them to {other}. "
             "How many {things} does {name} have left?", "x=({a}+{b})-{c}", {"a": LARGE, "b": MEDIUM, "c": LARGE}),
    Template("steps", "{name} buys {a} bags of {b} {things} each and finds {c} more at home. "
             "How many {things} does {name} have?", "x=({a}*{b})+{c}", {"a": SMALL, "b": MEDIUM, "c": MEDIUM}),
    Template("steps", "{name} had {a} {things}, lost {b} of them, and put the rest into {c} equal piles. "
             "How many {things} are in each pile?", "x=({a}-{b})/{c}", {"a": LARGE, "b": MEDIUM, "c": SMALL}),
    Template("steps", "{name} has {a} boxes of {b} {things}, and {other} has {c} boxes of {d} {things}. "
             "How many {things} do they have together?", "x=({a}*{b})+({c}*{d})",
             {"a": SMALL, "b": MEDIUM, "c": SMALL, "d": MEDIUM}),
    Template("unknown", "{name} had some {things}. After {other} gave {name} {a} more, there were {b}. "
             "How many {things} did {name} have at first?", "x+{a}={b}", {"a": MEDIUM, "b": LARGE}),
    Template("unknown", "{name} had {a} {things} and sold some of them. Now {b} are left. How many {things} were sold?",
             "{a}-x={b}", {"a": LARGE, "b": MEDIUM}),
    Template("unknown", "{name} thinks of a number, multiplies it by {a}, adds {b}, and gets {c}. What is the number?",
             "({a}*x)+{b}={c}", {"a": SMALL, "b": MEDIUM, "c": LARGE}),
    Template("unknown", "{name} dealt some {things} equally to {a} friends, and each friend got {b}. "
             "How many {things} were dealt?", "x/{a}={b}", {"a": SMALL, "b": MEDIUM}),
    Template("percent", "{name} has {a} {things}, and {b} percent of them are red. How many red {things} are there?",
             "x=({a}*{b})/100", {"a": ROUND, "b": FIVES}),
    Template("percent", "A coat costs {a} dollars. In a sale its price falls by {b} percent. "
             "How many dollars does the coat cost in the sale?", "x={a}-(({a}*{b})/100)", {"a": ROUND, "b": FIVES}),
    Template("percent", "Of the seeds that {name} planted, {a} sprouted and {b} did not. What percent sprouted?",
             "x=({a}*100)/({a}+{b})", {"a": FIVES, "b": FIVES}),
    Template("rate", "A train runs at {a} kilometres an hour. How many kilometres does it cover in {b} hours?",
             "x={a}*{b}", {"a": LARGE, "b": SMALL}),
    Template("rate", "{name} reads {a} pages in {b} days, the same number each day. "
             "How many pages does {name} read in {c} days?", "x=({a}/{b})*{c}", {"a": LARGE, "b": SMALL, "c": SMALL}),
    Template("rate", "{name} earns {a} dollars an hour. How many hours must {name} work to earn {b} dollars?",
             "x={b}/{a}", {"a": SMALL, "b": LARGE}),
    Template("compare", "{name} has {a} {things} and {other} has {b}. How many more {things} does {name} have?",
             "x={a}-{b}", {"a": LARGE, "b": MEDIUM}),
    Template("compare", "{other} has {b} {things}, and {name} has {a} times as many. "
             "How many {things} do they have together?", "x=({a}*{b})+{b}", {"a": SMALL, "b": MEDIUM}),
    Template("compare", "{other} has {b} {things}, and {name} has {a} fewer. How many {things} does {name} have?",
             "x={b}-{a}", {"a": MEDIUM, "b": LARGE}),
    Template("compare", "{name} is {a} years old, and {other} is {b} years older. How old are they together?",
             "x={a}+({a}+{b})", {"a": MEDIUM, "b": SMALL}),
]  # fmt: skip


@functools.cache
def generate(split: str) -> tuple[dict[str, str], ...]:
    """The rows of "train" or "test", the templates in turn; the same on every machine."""
    generator = random.Random(f"arithmetic/{split}")
    made: dict[str, dict[str, str]] = {}
    while len(made) < pin("arithmetic", split).rows:
        index = len(made) % len(TEMPLATES)
        row = draw(index, split, generator)
        made.setdefault(row["question"], {"id": f"arithmetic-{split}-{len(made):05d}", **row})
    return tuple(made.values())


def belongs_to(index: int, numbers: tuple[int, ...]) -> str:
    """The split that owns these numbers of template `index`: "test" for about a fifth of them, else "train"."""
    return "test" if owner(f"{index}:{numbers}") == "test" else "train"


def owner(item: str) -> str:
    """The split that owns something, by its hash: "test" and "validation" for about a fifth each, else "train"."""
    fifth = hashlib.sha256(item.encode()).digest()[0] % 5
    return "test" if fifth == 0 else "validation" if fifth == 1 else "train"


def draw(
    index: int, split: str, generator: random.Random, split_of: Callable[[int, tuple[int, ...]], str] = belongs_to
) -> dict[str, str]:
    """A problem of template `index` with numbers that `split_of` gives to `split`: `question`, `solution`, `answer`."""
    template = TEMPLATES[index]
    while True:
        numbers = {letter: generator.choice(allowed) for letter, allowed in template.numbers.items()}
        if split_of(index, tuple(numbers.values())) != split:
            continue
        worked = work(template.equation.format(**numbers))
        if re.search(r"-\d|\d\.\d", worked.steps):
            continue
        name, other = generator.sample(NAMES, 2)
        return {
            "question": template.text.format(name=name, other=other, things=generator.choice(THINGS), **numbers),
            "solution": f"{worked.steps} The answer is {worked.value}.",
            "answer": str(worked.value),
        }
