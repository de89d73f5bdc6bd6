"""What the audit found, in sentences computed from its record."""

from __future__ import annotations

from collections.abc import Iterator

from IPython.display import Markdown

from pelt_core.report.audit.record import Record
from pelt_core.report.commits import commit
from pelt_core.report.words import counted, listed

CLEANED = ("MAWPS, cleaned", "Math10K, cleaned")
LEAKED_TESTS = ("MultiArith", "AddSub", "SingleEq")
"""The evaluation sets that are parts of the MAWPS collection."""


def reading(record: Record) -> Markdown:
    """What follows from the overlaps, a paragraph each."""
    return Markdown("\n\n".join(_reading(record)))


def _reading(record: Record) -> Iterator[str]:
    yield (
        f"**MAWPS leaks three tests.** Its train split has {_of(record, 'MAWPS')}; all of its splits together have "
        f"{_of(record, 'MAWPS, all splits')}. Who trains on MAWPS cannot call them out of domain."
    )
    data = record.one("train", "math_data")
    leaked = record.found["leaked"]["math_data"]["normalised"]
    whole = "every one of its" if leaked == data["rows"] else f"{leaked:,} of its"
    yield (
        f"**`math_data` is made of test problems.** {whole.capitalize()} {data['rows']:,} rows is a problem that some "
        f"evaluation set asks: {_of(record, 'math_data', ('GSM8K', 'SVAMP', *LEAKED_TESTS, 'AQuA'))}."
    )
    part = record.one("train", "Math10K, published")
    yield (
        f"**Math10K leaks too.** Only {part['rows']:,} of its {part['whole_rows']:,} rows are to be had, mostly rows "
        f"that some model got wrong; they have {_of(record, 'Math10K, published')}. Rebuilt from its sources, it has "
        f"{_of(record, 'Math10K, rebuilt')}; cleaned, {_of(record, 'Math10K, cleaned')}."
    )
    alike = "; ".join(f"*{training}* has {_alike(record, training)}" for training in CLEANED)
    yield f"**Cleaned sets still hold what is alike.** {alike}."
    yield (
        "**MAWPS's own test split is no way out.** The authors of LLM-Adapters put it in the place of the leaked "
        f"tests, and {_each_key(record, 'MAWPS', 'MAWPS')}. Rows that are in none of the six tests may be in it, "
        "so that cleaning leaves out its problems too: the cleaned Math10K has "
        f"{record.shared('Math10K, cleaned', 'MAWPS', 'normalised'):,} of its items."
    )
    wino = record.one("train", "WinoGrande")
    distinct = wino["distinct"]["normalised"]
    yield (
        f"**WinoGrande repeats itself.** Its {wino['rows']:,} training rows are {distinct:,} different items, as the "
        f"smaller sizes lie inside of the largest: {wino['rows'] - distinct:,} of its rows, and so many of "
        "Commonsense170K, say nothing new."
    )
    yield f"**Commonsense sets** share with their own tests {_own(record, 'commonsense')}."
    pairs = [record.shared(*sets, "normalised") for sets in (("MRPC", "STS-B"), ("STS-B", "MRPC"))]
    yield (
        f"**GLUE tasks** share with their own development sets {_own(record, 'glue')}. STS-B took sentences from MRPC: "
        f"training rows of MRPC have {pairs[0]:,} pairs of STS-B's development set, and those of STS-B {pairs[1]:,} "
        "of MRPC's, so that training on several tasks at once, or one after another, leaks."
    )
    yield _families(record)
    answered = sorted((one for one in record.sets("evaluation") if one["labels"]), key=lambda one: one["majority"])
    least, most = answered[0], answered[-1]
    yield (
        f"**Always giving the commonest answer** scores from {100 * least['majority']:.1f} % ({least['title']}) to "
        f"{100 * most['majority']:.1f} % ({most['title']}) where answers are classes. A result below that is none."
    )


def provenance(record: Record) -> Markdown:
    """The code and the library that made the record."""
    code, versions = record.found["code"], record.found["versions"]
    said = {
        "Command": "`pelt data audit --json`",
        "Code": commit(code),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Not to be had": listed(f"{one['title']} ({one['role']})" for one in record.found["absent"]) or "nothing",
    }
    return Markdown("\n".join(f"- **{name}**: {value}" for name, value in said.items()))


def _of(record: Record, training: str, tests: tuple[str, ...] = LEAKED_TESTS) -> str:
    """`490 of 600 items of MultiArith and ...`, by letters and digits."""
    return listed(
        f"{record.shared(training, test, 'normalised'):,} of {record.one('evaluation', test)['rows']:,} items of {test}"
        for test in tests
    )


def _alike(record: Record, training: str) -> str:
    """How many items of which evaluation sets a training set has with numbers masked, and nearly."""
    own = [one for one in record.found["overlaps"] if one["training"] == training]
    masked, near = (
        listed(f"{one[key]:,} of {one['evaluation']}" for one in own if one[key]) or "nothing"
        for key in ("masked", "near")
    )
    return f"{masked} with numbers masked, and {near} nearly"


def _each_key(record: Record, training: str, evaluation: str) -> str:
    asked = record.one("evaluation", evaluation)["rows"]
    same, masked = (record.shared(training, evaluation, key) for key in ("normalised", "masked"))
    return f"{same:,} of its {asked:,} items are in the train split, {masked:,} with numbers masked"


def _own(record: Record, family: str) -> str:
    """What training sets of a family have of the evaluation set of the same name, by letters and digits."""
    titles = [one["title"] for one in record.sets("evaluation", family)]
    found = {title: record.shared(title, title, "normalised") for title in titles}
    none = [title for title, count in found.items() if not count]
    some = listed(f"{counted(count, 'item')} of {title}" for title, count in found.items() if count)
    return "; ".join(part for part in (some, f"none of {listed(none)}" if none else "") if part)


def _families(record: Record) -> str:
    family = {(one["role"], one["title"]): one["family"] for one in record.found["sets"]}
    across = [
        f"{one['training']} has {one['near']:,} of {one['evaluation']}"
        for one in record.found["overlaps"]
        if family["train", one["training"]] != family["evaluation", one["evaluation"]]
    ]
    if not across:
        return "**Between families**, such as arithmetic and GLUE, nothing is shared, near-duplicates included."
    return f"**Between families**: {listed(across)}, near-duplicates included."
