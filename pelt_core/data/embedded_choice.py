"""Questions with four choices, made from seeded templates: sums, orders and kinds in turn, always at hand.

The choices alone do not tell the right one. Each place is right equally often. The numbers offered for a sum are two
results, each with and without the same slip, and the wrong one is the larger half of the time. The four people of an
order are named equally often. A word is right where its kind is asked for and wrong elsewhere.
"""

import functools
import random
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from pelt_core.data.catalogue import pin
from pelt_core.data.commonsense import ANSWER
from pelt_core.data.embedded import NAMES, TEMPLATES, draw, owner

PLACES = 4
SLIPS = (-10, -2, -1, 1, 2, 10)
# How two people compare, from either side, and the two ends of the order.
RELATIONS = [
    ("older", "younger", "oldest", "youngest"),
    ("taller", "shorter", "tallest", "shortest"),
    ("faster", "slower", "fastest", "slowest"),
    ("stronger", "weaker", "strongest", "weakest"),
    ("richer", "poorer", "richest", "poorest"),
    ("heavier", "lighter", "heaviest", "lightest"),
]
KINDS = {
    "a bird": "sparrow eagle owl robin parrot pigeon swan penguin crow goose woodpecker hawk",
    "a fruit": "apple banana cherry grape lemon mango peach pear plum strawberry melon apricot",
    "a vegetable": "carrot cabbage onion spinach lettuce broccoli celery turnip leek radish cauliflower asparagus",
    "a fish": "trout cod herring tuna sardine mackerel shark carp eel haddock halibut anchovy",
    "an insect": "ant bee beetle butterfly grasshopper cockroach ladybird mosquito moth wasp dragonfly flea",
    "a tool": "hammer saw screwdriver wrench chisel drill pliers axe spade rake shovel crowbar",
    "a piece of clothing": "shirt coat glove scarf skirt sock trousers jacket sweater hat dress belt",
    "a piece of furniture": "chair table sofa bed wardrobe desk bookcase stool cupboard armchair bench sideboard",
    "a musical instrument": "piano violin guitar flute drum trumpet cello harp clarinet trombone saxophone tuba",
    "a vehicle": "car bus truck bicycle tractor van train tram motorcycle lorry ambulance taxi",
    "a colour": "red blue green yellow purple brown grey pink white black scarlet turquoise",
    "a job": "nurse teacher baker farmer lawyer plumber carpenter dentist pilot waiter tailor librarian",
}
# Which words of each kind belong to a split.
WORDS = {"train": slice(8), "validation": slice(8, 10), "test": slice(10, 12)}


class Item(NamedTuple):
    """A question, its right answer, and three wrong ones."""

    stem: str
    right: str
    wrong: list[str]


@functools.cache
def generate(split: str) -> tuple[dict[str, Any], ...]:
    """The rows of "train", "validation" or "test", as those of the commonsense sets; the same on every machine.

    The numbers of a template and the order of four people belong to one split, by their hash, and so does every word.
    The numbers of a sum for testing are not those of a training problem of the set "arithmetic" either.
    """
    generator = random.Random(f"puzzles/{split}")
    made: dict[str, dict[str, Any]] = {}
    while len(made) < pin("puzzles", split).rows:
        turn, family = divmod(len(made), len(FAMILIES))
        item = FAMILIES[family](split, generator)
        gold = turn % PLACES
        choices = [*item.wrong[:gold], item.right, *item.wrong[gold:]]
        question, labels = ANSWER.fill(item.stem, choices)
        row = {
            "id": f"puzzles-{split}-{len(made):05d}",
            "question": question,
            "solution": f"the correct answer is {labels[gold]}",
            "answer": labels[gold],
            "stem": item.stem,
            "choices": choices,
            "gold": gold,
        }
        made.setdefault(question, row)
    return tuple(made.values())


def total(split: str, generator: random.Random) -> Item:
    """A word problem of the set "arithmetic": its result, another of the same numbers, and both with a slip."""
    index, slip = generator.randrange(len(TEMPLATES)), generator.choice(SLIPS)
    below = generator.random() < 0.5
    while True:
        problem = draw(index, split, generator, _split_of)
        numbers, right = [int(number) for number in re.findall(r"\d+", problem["question"])], int(problem["answer"])
        a, b = generator.sample(numbers, 2)
        results = (a, a + b, abs(a - b), a * b, a + 2 * b, a * b + b)
        others = [result for result in results if result != right and (result < right) == below]
        if not others:
            continue
        other = generator.choice(others)
        offered = {right, right + slip, other, other + slip}
        if len(offered) == PLACES and min(offered) >= 0:
            wrong = [str(number) for number in sorted(offered - {right})]
            return Item(problem["question"], str(right), generator.sample(wrong, PLACES - 1))


def order(split: str, generator: random.Random) -> Item:
    """Four people, three neighbours in an order and the ends compared: who has a given place in it?"""
    more, less, most, least = generator.choice(RELATIONS)
    while owner(f"{more}:{(people := generator.sample(NAMES, PLACES))}") != split:
        pass
    facts = [
        f"{ahead} is {more} than {behind}." if generator.random() < 0.5 else f"{behind} is {less} than {ahead}."
        for ahead, behind in [*pairwise(people), (people[0], people[-1])]
    ]
    place = generator.randrange(PLACES)
    asked = (most, f"second {most}", f"second {least}", least)[place]
    stem = f"{' '.join(generator.sample(facts, len(facts)))} Who is the {asked}?"
    return Item(stem, people[place], generator.sample(people[:place] + people[place + 1 :], PLACES - 1))


def kind(split: str, generator: random.Random) -> Item:
    """A word of the kind that is asked for, among words of three other kinds, all of them the split's own."""
    asked, *others = generator.sample(list(KINDS), PLACES)
    right, *wrong = (generator.choice(KINDS[each].split()[WORDS[split]]) for each in (asked, *others))
    return Item(f"{generator.choice(NAMES)} is looking for {asked}. Which of these is one?", right, wrong)


FAMILIES: tuple[Callable[[str, random.Random], Item], ...] = (total, order, kind)


def _split_of(index: int, numbers: tuple[int, ...]) -> str:
    return owner(f"{index}:{numbers}")
