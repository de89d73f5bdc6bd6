"""Published arithmetic problems, as their authors store them -> question, worked solution, answer."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pelt_core.data.equations import Unworkable, format_number, work
from pelt_core.data.fields import BadRow, number, text, whole
from pelt_core.data.normalise import CHOICES

TOLERANCE = Fraction(1, 1000)
LETTERS = "ABCDE"
"""Of the choices of a question of AQuA or MathQA."""

# "answer : ( d )", "the answer will be option d", "ans d . 20"; or a single letter at the very end.
NAMED_OPTION = re.compile(
    r"\b(?:answer|ans|option|choice)\b(?:\W|\b(?:is|are|will|would|must|should|be|the|answer|option|choice)\b)*([a-e])\b"
    r"|\b([a-e])\W*$"
)


@dataclass(frozen=True)
class Problem:
    """One problem: `key` orders and names it within its split; `flaw` says why there is no solution, if so."""

    key: int
    question: str
    solution: str
    answer: str
    flaw: str = ""


def gsm8k(raw: dict[str, Any], position: int) -> Problem:
    """GSM8K (Cobbe et al. 2021): its own solution, without the calculator's marks `<<48/2=24>>`."""
    steps, _, final = text(raw, "answer").partition("####")
    answer = format_number(number(final.strip().replace(",", ""), "the text after ####"))
    return Problem(position, text(raw, "question"), _close(re.sub(r"<<.*?>>", "", steps), answer, "\n"), answer)


def aqua(raw: dict[str, Any], position: int) -> Problem:
    """AQuA (Ling et al. 2017): the options follow the question, the rationale is the solution."""
    options = raw.get("options")
    if not isinstance(options, list) or [str(option)[:2] for option in options] != ["A)", "B)", "C)", "D)", "E)"]:
        raise BadRow(f"field 'options' must be five texts that begin A) to E), and is {options!r}")
    letter = text(raw, "correct")
    if letter not in tuple(LETTERS):
        raise BadRow(f"field 'correct' must be one of A, B, C, D, E, and is {letter!r}")
    question = _with_choices(text(raw, "question"), [option[2:] for option in options])
    return Problem(position, question, _close(text(raw, "rationale"), f"({letter})", "\n"), letter)


def mathqa(raw: dict[str, Any], position: int) -> Problem:
    """MathQA (Amini et al. 2019): problems of AQuA in lower case; a rationale has to name the option that is right."""
    question, letter = _with_choices(text(raw, "Problem"), _options(text(raw, "options"))), text(raw, "correct")
    if letter not in tuple("abcde"):
        raise BadRow(f"field 'correct' must be one of a, b, c, d, e, and is {letter!r}")
    rationale = text(raw, "Rationale").strip('" ')
    named = [first or last for first, last in NAMED_OPTION.findall(rationale)]
    flaw = "" if letter in named[-1:] else f"names option {named[-1]}, not {letter}" if named else "names no option"
    if flaw:
        return Problem(position, question, "", letter.upper(), f"its rationale {flaw}")
    return Problem(position, question, _close(rationale, f"({letter.upper()})", "\n"), letter.upper())


def svamp(raw: dict[str, Any], position: int) -> Problem:
    """SVAMP (Patel et al. 2021)."""
    body, question = text(raw, "Body"), text(raw, "Question")
    identity = re.fullmatch(r"chal-(\d+)", text(raw, "ID"))
    if identity is None:
        raise BadRow(f"field 'ID' must look like chal-12, and is {raw['ID']!r}")
    return _from_equation(
        int(identity[1]), f"{body}{'' if body.endswith('.') else '.'} {question}", raw, "Equation", raw.get("Answer")
    )


def mawps_part(raw: dict[str, Any], position: int) -> Problem:
    """MultiArith, AddSub, SingleEq and MAWPS-single, in the form of the MAWPS collection (see `mawps`)."""
    for field in ("lEquations", "lSolutions"):
        if not isinstance(raw.get(field), list) or len(raw[field]) != 1:
            raise BadRow(f"field {field!r} must be a list of one entry, and is {raw.get(field)!r}")
    flat = {"equation": raw["lEquations"][0]}
    return _from_equation(whole(raw, "iIndex"), text(raw, "sQuestion"), flat, "equation", raw["lSolutions"][0])


def mawps(raw: dict[str, Any], position: int) -> Problem:
    """MAWPS (Koncel-Kedziorski et al. 2016), as split by MWPToolkit."""
    return _from_equation(whole(raw, "id"), text(raw, "original_text"), raw, "equation", raw.get("ans"))


READERS: dict[str, Callable[[dict[str, Any], int], Problem]] = {
    "gsm8k": gsm8k,
    "aqua": aqua,
    "mathqa": mathqa,
    "svamp": svamp,
    "multiarith": mawps_part,
    "addsub": mawps_part,
    "singleeq": mawps_part,
    "mawps": mawps,
    "mawps-single": mawps_part,
}


def _from_equation(key: int, question: str, raw: dict[str, Any], field: str, gold: Any) -> Problem:
    expected, equation = number(gold, "the answer"), text(raw, field)
    answer = format_number(expected)
    try:
        worked = work(equation)
    except Unworkable as reason:
        return Problem(key, question, "", answer, f"{equation!r}: {reason}")
    if abs(worked.value - expected) > TOLERANCE:
        return Problem(key, question, "", answer, f"{equation!r} gives {format_number(worked.value)}, not {answer}")
    return Problem(key, question, _close(worked.steps, answer, " "), answer)


def _options(text: str) -> list[str]:
    """The five texts of "a ) 3 , b ) 5 , ..." or of "['a ) 3 cm', ...]"; a label may stand there twice."""
    try:
        parts = ast.literal_eval(text) if text.startswith("[") else re.split(r" , (?=[b-e] \) )", text)
    except (SyntaxError, ValueError):
        parts = []
    if [str(part)[:4] for part in parts] != ["a ) ", "b ) ", "c ) ", "d ) ", "e ) "]:
        raise BadRow(f"field 'options' must have five texts that begin a ) to e ), and is {text!r}")
    return [re.sub(r"^(?:[a-e] \) )+", "", part) for part in parts]


def _with_choices(question: str, options: list[str]) -> str:
    labelled = (f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))
    return question + CHOICES + " ".join(labelled)


def _close(steps: str, answer: str, gap: str) -> str:
    steps = steps.strip()
    return f"{steps}{gap if steps else ''}The answer is {answer}."
