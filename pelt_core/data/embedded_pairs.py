"""Pairs of sentences that say the same or not, made from seeded templates: data that is always at hand.

Each pair of the one label has a twin of the other, with the same first sentence. In two of three twins who did it to
whom is exchanged: both have exactly the same words, as in PAWS (Zhang et al. 2019). In the third a detail is another.
Whoever compares the words alone is thus right in two thirds of the rows at most.
"""

import functools
import random
from typing import Any

from pelt_core.data.catalogue import pin
from pelt_core.data.embedded import NAMES, THINGS, owner

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
# Sentences that say the same of {a} and {b}; none is still true if the two are exchanged.
FORMS = [
    ("{a} gave {b} the {things} on {day}.", "{b} was given the {things} by {a} on {day}.",
     "On {day} {a} gave the {things} to {b}.", "It was {a} who gave {b} the {things} on {day}."),
    ("{a} sold {b} the {things} on {day}.", "{b} bought the {things} from {a} on {day}.",
     "On {day} the {things} were sold to {b} by {a}."),
    ("{a} lent {b} the {things} on {day}.", "{b} borrowed the {things} from {a} on {day}.",
     "On {day} the {things} were lent to {b} by {a}."),
    ("{a} sent {b} the {things} on {day}.", "{b} received the {things} from {a} on {day}.",
     "On {day} the {things} were sent to {b} by {a}."),
    ("{a} helped {b} with the {things} on {day}.", "{b} got help with the {things} from {a} on {day}.",
     "On {day} {b} was helped with the {things} by {a}."),
    ("{a} followed {b} home on {day}.", "{b} was followed home by {a} on {day}.",
     "On {day} it was {b} whom {a} followed home."),
    ("{a} invited {b} to dinner on {day}.", "{b} was invited to dinner by {a} on {day}.",
     "On {day} it was {a} who invited {b} to dinner."),
    ("{a} beat {b} at chess on {day}.", "{b} lost to {a} at chess on {day}.",
     "On {day} {a} won at chess against {b}.", "On {day} {b} was beaten at chess by {a}."),
    ("{a} taught {b} to swim on {day}.", "{b} learned to swim from {a} on {day}.",
     "On {day} {b} was taught to swim by {a}."),
    ("{a} arrived before {b} on {day}.", "{b} arrived after {a} on {day}.",
     "On {day} {a} was there earlier than {b}.", "On {day} {b} was there later than {a}."),
    ("{a} scored more points than {b} on {day}.", "{b} scored fewer points than {a} on {day}.",
     "On {day} the points of {a} were more than those of {b}."),
    ("{a} sat to the left of {b} on {day}.", "{b} sat to the right of {a} on {day}.",
     "On {day} the seat of {a} was to the left of that of {b}."),
]  # fmt: skip


@functools.cache
def generate(split: str) -> tuple[dict[str, Any], ...]:
    """The rows of "train", "validation" or "test": `text`, `text_pair`, and `label` 1 where both say the same, else 0.

    A relation of two people belongs to one split, by its hash. The same on every machine.
    """
    generator = random.Random(f"paraphrase/{split}")
    made: dict[tuple[str, str], int] = {}
    while len(made) < pin("paraphrase", split).rows:
        text, same, other = _twins(split, len(made) % 6 == 0, generator)
        if not {(text, same), (text, other)} & set(made):
            made |= {(text, same): 1, (text, other): 0}
    return tuple(
        {"id": f"paraphrase-{split}-{number:05d}", "text": text, "text_pair": pair, "label": label}
        for number, ((text, pair), label) in enumerate(made.items())
    )


def _twins(split: str, detailed: bool, generator: random.Random) -> tuple[str, str, str]:
    """A sentence, one that says the same, and the latter with another detail or the people exchanged."""
    index = generator.randrange(len(FORMS))
    while owner(f"{index}:{sorted(people := generator.sample(NAMES, 2))}") != split:
        pass
    said = dict(zip(("a", "b"), people, strict=True))
    said |= {"things": generator.choice(THINGS), "day": generator.choice(DAYS)}
    if detailed:
        detail = generator.choice([name for name in ("things", "day") if f"{{{name}}}" in FORMS[index][0]])
        values = {"things": THINGS, "day": DAYS}[detail]
        changed = {detail: generator.choice([value for value in values if value != said[detail]])}
    else:
        changed = {"a": said["b"], "b": said["a"]}
    first, second = generator.sample(FORMS[index], 2)
    return first.format(**said), second.format(**said), second.format(**said | changed)
