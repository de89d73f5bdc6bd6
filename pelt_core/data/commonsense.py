"""Eight commonsense sets, as their authors store them -> questions as LLM-Adapters (Hu et al. 2023) ask them.

Every character of a set's own text is kept, as the published files do: spaces at the ends, line feeds, and an ending of
HellaSwag that begins with a comma. What of this is proven, and what is not, `commonsense170k` says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pelt_core.data.fields import BadRow, text


@dataclass(frozen=True)
class Choice:
    """One item: `question` and `solution` as published, `answer` its label; the rest is for the cloze form.

    There, `choices[gold]` is the right answer to `stem`; the last line of the question lists the labels of the choices
    in their order. `key` is the item's position in its split.
    """

    key: int
    question: str
    solution: str
    answer: str
    stem: str
    choices: list[str]
    gold: int
    flaw: str = ""


@dataclass(frozen=True)
class Template:
    """How a set's items are asked: the task, the item, its choices under labels such as answer1, the answer format."""

    task: str
    label: str
    between: str = " "  # the choices
    closing: str = "\n\n"  # before the answer format

    def fill(self, item: str, choices: Sequence[str]) -> tuple[str, list[str]]:
        """The question about `item`, and the labels of its choices."""
        labels = [f"{self.label}{number}" for number in range(1, len(choices) + 1)]
        options = self.between.join(
            f"{label.capitalize()}: {choice}" for label, choice in zip(labels, choices, strict=True)
        )
        return f"{self.task}{item}\n\n{options}{self.closing}Answer format: {'/'.join(labels)}", labels


ANSWER = Template("Please choose the correct answer to the question: ", "answer")
SOLUTION = Template("Please choose the correct solution to the question: ", "solution", between="\n\n")
ENDING = Template("Please choose the correct ending to complete the given sentence: ", "ending")
OPTION = Template(
    "Please choose the correct answer to fill in the blank to complete the given sentence: ", "option", closing=" "
)


def boolq(raw: dict[str, Any], position: int) -> Choice:
    """BoolQ (Clark et al. 2019), asked without its passage."""
    if not isinstance(raw.get("answer"), bool):
        raise BadRow(f"field 'answer' must be true or false, and is {raw.get('answer')!r}")
    stem = _verbatim(raw, "question") + "?"
    question = f"Please answer the following question with true or false, question: {stem}\n\nAnswer format: true/false"
    return _choice(position, question, ["true", "false"], stem, ["yes", "no"], 0 if raw["answer"] else 1)


def piqa(raw: dict[str, Any], position: int) -> Choice:
    """PIQA (Bisk et al. 2020): a goal and two ways to it."""
    goal, solutions = _verbatim(raw, "goal"), [_verbatim(raw, "sol1"), _verbatim(raw, "sol2")]
    return _filled(SOLUTION, position, goal, solutions, _index(raw, "label", [0, 1]))


def siqa(raw: dict[str, Any], position: int) -> Choice:
    """Social IQa (Sap et al. 2019): a question about a situation, three answers."""
    item = f"{_verbatim(raw, 'context')} {_verbatim(raw, 'question')}"
    answers = [_verbatim(raw, field) for field in ("answerA", "answerB", "answerC")]
    return _filled(ANSWER, position, item, answers, _index(raw, "label", ["1", "2", "3"]))


def hellaswag(raw: dict[str, Any], position: int) -> Choice:
    """HellaSwag (Zellers et al. 2019): an activity and how a text about it begins, four endings.

    Besides the original form there are two others: "activity: beginning" as one text, and a sample without activities,
    which therefore cannot be asked as published.
    """
    if "query" in raw:
        item, endings, gold = _verbatim(raw, "query"), _texts(raw, "choices"), _index(raw, "gold", [0, 1, 2, 3])
    elif "ctx" in raw:
        item = f"{_verbatim(raw, 'activity_label')}: {_verbatim(raw, 'ctx')}"
        endings, gold = _texts(raw, "endings"), _index({"label": str(raw.get("label"))}, "label", list("0123"))
    else:
        endings = _texts({"choices": list(_mapping(raw, "choices").values())}, "choices")
        item, gold = _verbatim(raw, "question"), _index(raw, "answer", list("ABCD"))
    if len(endings) != 4:
        raise BadRow(f"there must be four endings, and there are {len(endings)}")
    return _filled(ENDING, position, item, endings, gold)


def winogrande(raw: dict[str, Any], position: int) -> Choice:
    """WinoGrande (Sakaguchi et al. 2020): a sentence with a blank, written _, and two ways to fill it."""
    sentence, options = _verbatim(raw, "sentence"), [_verbatim(raw, "option1"), _verbatim(raw, "option2")]
    if sentence.count("_") != 1:
        raise BadRow(f"field 'sentence' must have one blank, written _, and is {sentence!r}")
    return _filled(OPTION, position, sentence, options, _index(raw, "answer", ["1", "2"]))


def science(raw: dict[str, Any], position: int) -> Choice:
    """ARC (Clark et al. 2018) and OpenBookQA (Mihaylov et al. 2018): three to five answers, by letter or number."""
    choices = _mapping(raw, "choices")
    answers, names = _texts(choices, "text"), _texts(choices, "label")
    if len(answers) != len(names):
        raise BadRow(f"field 'choices' must have a label for each text, and has {len(names)} for {len(answers)}")
    item = _verbatim(raw, "question_stem" if "question_stem" in raw else "question")
    return _filled(ANSWER, position, item, answers, _index(raw, "answerKey", names))


READERS: dict[str, Callable[[dict[str, Any], int], Choice]] = {
    "boolq": boolq,
    "piqa": piqa,
    "siqa": siqa,
    "hellaswag": hellaswag,
    "winogrande": winogrande,
    "arc-easy": science,
    "arc-challenge": science,
    "openbookqa": science,
}


def _filled(template: Template, position: int, item: str, choices: list[str], gold: int) -> Choice:
    question, labels = template.fill(item, choices)
    return _choice(position, question, labels, item, choices, gold)


def _choice(position: int, question: str, labels: list[str], stem: str, choices: list[str], gold: int) -> Choice:
    return Choice(position, question, f"the correct answer is {labels[gold]}", labels[gold], stem, choices, gold)


def _verbatim(raw: dict[str, Any], field: str) -> str:
    text(raw, field)
    return str(raw[field])


def _texts(raw: dict[str, Any], field: str) -> list[str]:
    value = raw.get(field)
    if not isinstance(value, list) or not value or not all(isinstance(entry, str) and entry.strip() for entry in value):
        raise BadRow(f"field {field!r} must be a list of texts, none empty, and is {value!r}")
    return value


def _mapping(raw: dict[str, Any], field: str) -> dict[str, Any]:
    value = raw.get(field)
    if not isinstance(value, dict):
        raise BadRow(f"field {field!r} must be an object, and is {value!r}")
    return value


def _index(raw: dict[str, Any], field: str, names: Sequence[Any]) -> int:
    """Which choice is right, where they go by `names`."""
    if raw.get(field) not in names:
        raise BadRow(f"field {field!r} must be one of {', '.join(map(repr, names))}, and is {raw.get(field)!r}")
    return names.index(raw[field])
