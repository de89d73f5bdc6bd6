"""The catalogue as text for the page on methods: places, arguments, sizes, code, papers; prose is from methods.yml."""

import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pelt_drawing import POST_NORM, PRE_NORM, Mark, draw

from pelt_core.anatomy import ANATOMIES, GROUPS
from pelt_core.counting import count_named
from pelt_core.errors import PeltError
from pelt_core.methods import GATES, METHODS, RECIPES
from pelt_core.report.style import HUES
from pelt_core.specification import Term, parse

TOLD = yaml.safe_load((Path(__file__).parents[1] / "methods.yml").read_text(encoding="utf-8"))
SIZED_ON = {"llama-7b": "LLaMA-7B", "bert-base": "BERT-base"}


def kind_of(name: str) -> dict[str, Any]:
    """The kind that a method belongs to, by the file that its class is in."""
    module = METHODS[name].module
    file = module.__module__.split(".")[-1] if module else None
    found = [kind for kind in TOLD["kinds"] if file in kind["files"] or (file is None and not kind["files"])]
    if not found:
        raise LookupError(f"no kind in book/methods.yml has the file {file!r} of the method {name!r}: add it to one")
    return found[0]


def colour_of(name: str) -> str:
    """A method's own colour, if a study compares it with others, or that of its kind."""
    return HUES.get(name, kind_of(name)["colour"])


def told(what: str, name: str) -> dict[str, Any]:
    """What methods.yml tells of a row; of one that it does not know yet, its name."""
    return {"title": f"`{name}`", "text": "", "label": "δ", "shape": "tag"} | TOLD[what].get(name, {})


def overview() -> str:
    """Every method in one table."""
    lines = [
        "| Method | What it is | Sits at | Merges | " + " | ".join(SIZED_ON.values()) + " |",
        "|:--|:--|:--|:--|--:|--:|",
    ]
    for name, entry in METHODS.items():
        sizes = [size(backbone, name) for backbone in SIZED_ON]
        title = told("methods", name)["title"]
        where = ", ".join(f"`{p}`" for p in entry.positions)
        lines.append(
            f"| {{ref}}`{title} <sec-{name}>` | {entry.summary} | {where} | {'yes' if entry.mergeable else ''} | "
            + " | ".join(f"{n:,}" if n else "" for n in sizes)
            + " |"
        )
    caption = "All methods, with the number of parameters that each trains by its default arguments"
    return f"```{{table}} {caption}\n:name: tab-methods\n\n" + "\n".join(lines) + "\n```"


def methods() -> str:
    """Every method, kind by kind."""
    parts = []
    for kind in TOLD["kinds"]:
        parts.append(f"(kind-{kind['name']})=\n## {kind['title']}\n\n{kind['text']}")
        parts += [_method(name) for name in METHODS if kind_of(name) is kind]
    return "\n\n".join(parts)


def gates() -> str:
    """Every gate."""
    return "\n\n".join(_gate(name) for name in GATES)


def recipes() -> str:
    """Every recipe in one table, and a drawing of those that methods.yml tells of."""
    rows = [f"| `{name}` | `{spec}` | {_number('bert-base', name)} |" for name, spec in RECIPES.items()]
    table = "\n".join(["| Name | Stands for | Parameters on BERT-base |", "|:--|:--|--:|", *rows])
    caption = "All recipes; those that cannot be on BERT have no number"
    drawn = [
        _panel(f"### {told('recipes', name)['title']}", told("recipes", name)["text"], name) for name in TOLD["recipes"]
    ]
    return "\n\n".join([f"```{{table}} {caption}\n:name: tab-recipes\n\n{table}\n```", *drawn])


def drawing(specification: str, title: str) -> str:
    """Where the terms of a method sit: in a LLaMA block, or in one of BERT if it cannot be there."""
    method = parse(specification)
    block, family = (PRE_NORM, "llama") if _fits("tiny-llama", specification) else (POST_NORM, "bert")
    stack = ANATOMIES[family][0]
    marks = []
    for group in method.groups:
        for term in group.terms:
            tale = told("methods", term.name)
            places = _places(term, tuple(block.boxes), stack.positions)
            reads = getattr(term.entry.module, "reads", "x")
            marks.append(Mark(places, colour_of(term.name), tale["label"], tale["shape"], reads, bool(group.gate)))
    where = ", ".join(dict.fromkeys(p for term in method.terms for p in term.positions)) or "the whole model"
    return draw(marks, f"A transformer block, drawn from bottom to top. {title} at {where}.", block)


def _places(term: Term, boxes: tuple[str, ...], there: tuple[str, ...]) -> tuple[str, ...]:
    if term.entry.trains == "model":
        return (*boxes, "output", "embed")
    if term.entry.trains == "head":
        return ("output",)
    names = [p for position in term.positions for p in GROUPS.get(position, (position,))]
    return tuple(dict.fromkeys(p for p in names if p in there or p == "final"))


def _method(name: str) -> str:
    entry, tale = METHODS[name], told("methods", name)
    equation = f"$$\n{tale['equation']}\n$$ (eq-{name})" if "equation" in tale else f"`{entry.equation}`"
    text = f"{equation}\n\n{tale['text'] or entry.summary}\n\n{_listed(dict(_facts(name)))}"
    panel = _panel(f"(sec-{name})=\n### {tale['title']}", text, name)
    return panel + (_code(entry.module) if entry.module else "")


def _gate(name: str) -> str:
    entry, tale = GATES[name], told("gates", name)
    equation = f"$$\n{tale['equation']}\n$$ (eq-gate-{name})" if "equation" in tale else f"`{entry.equation}`"
    facts = _listed({"Write": f"`{_written(name, entry)}*`", "Paper": f"{{cite:t}}`{entry.paper}`"})
    return f"(gate-{name})=\n### {tale['title']}\n\n{equation}\n\n{tale['text']}\n\n{facts}{_code(entry.module)}"


def _listed(facts: dict[str, str]) -> str:
    return ":::{div} pelt-facts\n" + "\n\n".join(f"{term}\n: {said}" for term, said in facts.items()) + "\n:::"


def _facts(name: str) -> Iterator[tuple[str, str]]:
    entry, tale = METHODS[name], told("methods", name)
    where = f"@{','.join(entry.positions)}" if entry.positions else ""
    yield "Write", f"`{_written(name, entry)}{where}`"
    if others := [p for p in entry.allowed if p not in entry.positions]:
        yield "Or at", ", ".join(f"`{p}`" for p in others)
    sizes = [f"{_number(backbone, name)} on {title}" for backbone, title in SIZED_ON.items() if _number(backbone, name)]
    if sizes:
        yield "Parameters", f"{tale.get('cost', 'not told')}; by default {', '.join(sizes)}"
    if entry.module:
        folds = getattr(entry.module, "folds_to", None)
        merges = "can be merged into the weights" if entry.mergeable else "stays in the model"
        yield "Afterwards", f"`fold` turns it into `{folds}`; {merges}" if folds else merges
    if not entry.backprop and entry.module:
        yield "Backprop", "none through the backbone"
    if entry.paper:
        yield "Paper", f"{{cite:t}}`{entry.paper}`"


def _panel(heading: str, text: str, specification: str) -> str:
    """Text on the left and a drawing on the right, or below it on a phone."""
    picture = drawing(specification, heading.rpartition("# ")[2])
    return (
        f"{heading}\n\n`````{{grid}} 1 1 2 2\n:gutter: 3\n:class-container: pelt-method\n\n"
        f"````{{grid-item}}\n:columns: 12 12 7 7\n{text}\n````\n"
        f"````{{grid-item}}\n:columns: 12 12 5 5\n```{{raw}} html\n{picture}\n```\n````\n`````"
    )


def _code(module: type) -> str:
    """The class, folded, behind those of its bases that belong to the library's modules."""
    classes = [c for c in reversed(module.__mro__) if c.__module__.startswith("pelt_core.modules")]
    source = "\n\n".join(inspect.getsource(c) for c in classes)
    return (
        f"\n\n::::{{dropdown}} The code: {', '.join(f'`{c.__name__}`' for c in classes)}\n"
        f":class-container: pelt-code\n\n````{{code-block}} python\n{source}````\n::::"
    )


def _written(name: str, entry: Any) -> str:
    arguments = ",".join(f"{key}={_plain(value)}" for key, value in entry.defaults.items())
    return f"{name}({arguments})" if arguments else name


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


@cache
def size(backbone: str, specification: str) -> int | None:
    """What a method trains by itself on a backbone; nothing if it cannot be there."""
    try:
        return count_named(backbone, specification).own
    except PeltError:
        return None


def _number(backbone: str, specification: str) -> str:
    """Parameters, with their share of the whole."""
    number = size(backbone, specification)
    return f"{number:,} ({_percent(count_named(backbone, specification).percent)})" if number else ""


def _percent(value: float) -> str:
    return "< 0.001\N{NO-BREAK SPACE}%" if value < 0.001 else f"{value:.{2 if value < 1 else 3}g}\N{NO-BREAK SPACE}%"


def _fits(backbone: str, specification: str) -> bool:
    try:
        count_named(backbone, specification)
    except PeltError:
        return False
    return True
