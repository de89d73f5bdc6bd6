"""Math10K (Hu et al. 2023), rebuilt: questions -> a teacher's rationales -> those with the right answer -> a sample.

The authors asked ChatGPT; here any teacher is asked, or the rationales that the sources carry are taken. AQuA's train
file is stood in for by MathQA's validation split, which rewrites problems of AQuA in lower case.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pelt_core.data.catalogue import answer_kind
from pelt_core.data.clean import EVALUATION_SETS, without_test_problems
from pelt_core.data.extraction import last_number, matches, stated_letters
from pelt_core.data.normalise import mask_numbers, normalise_question, stem
from pelt_core.data.reading import Prepared, read
from pelt_core.data.teachers import Question, Teacher, Written
from pelt_core.data.teachers.annotated import Annotated
from pelt_core.errors import PeltError

SEED = 0


class BadBuild(PeltError, ValueError):
    """A build that cannot come to what is asked of it; the message has what can."""


@dataclass(frozen=True)
class Source:
    """A split whose questions are asked: all of them, or a sample of `at_most`."""

    name: str
    split: str
    at_most: int | None = None


SOURCES = (
    Source("gsm8k", "train"),
    Source("mathqa", "validation", at_most=1000),  # the authors took 1,000 examples of AQuA
    Source("mawps", "train"),
    Source("mawps-single", "train"),
)


@dataclass(frozen=True)
class Gathered:
    """The questions of one source that are asked, and the number of those that are not, by reason.

    `leaked` and `flaws` name the rows that the source itself leaves out, as `Prepared` has them.
    """

    source: Source
    questions: list[Question]
    not_asked: dict[str, int]
    leaked: tuple[str, ...]
    flaws: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of a question: the `solution` that is kept, or "" and the reason, after `attempt` (from 0).

    `written` is what the teacher wrote last, `reason` is the same for all failures of a kind, `detail` says more.
    """

    question: Question
    written: str
    solution: str
    attempt: int
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Build:
    """A training set: rows of `id`, `question`, `solution` and `answer` in the order of their sources; its making."""

    rows: list[dict[str, Any]]
    gathered: list[Gathered]
    outcomes: list[Outcome]
    seed: int


def read_clean(name: str, split: str) -> Prepared:
    """A split without the problems of the evaluation sets, whatever their numbers, in the place of `read`.

    The test split of MAWPS is one of them: the authors evaluate on it since they withdrew the sets that leak.
    """
    return without_test_problems(read(name, split), (*EVALUATION_SETS, "mawps"), mask_numbers)


def gather(read: Callable[[str, str], Prepared] = read, seed: int = SEED, at_most: int | None = None) -> list[Gathered]:
    """The questions to ask, source by source, each problem once, compared by letters and digits.

    Args:
        read: of a source's name and split; `read_clean` gives the questions of `math10k-clean`.
        seed: of the samples of sources that are not asked whole.
        at_most: questions of any source.

    Raises:
        BadBuild: `at_most` is below 1; and all that `read` raises.
    """
    if at_most is not None and at_most < 1:
        raise BadBuild(f"a build needs at least 1 question of each source, and {at_most} were asked for")
    seen: set[str] = set()
    gathered = []
    for source in SOURCES:
        prepared = read(source.name, source.split)
        questions = []
        for row in prepared.rows:
            problem = normalise_question(stem(row["question"]))
            if problem not in seen:
                questions.append(_question(row, source, prepared.flaws.get(row["id"], "")))
            seen.add(problem)
        limit = min(n for n in (source.at_most, at_most, len(questions)) if n is not None)
        sampled = set(random.Random(f"{seed}/{source.name}").sample(range(len(questions)), limit))
        there = {row["id"] for row in prepared.rows}
        flaws = {name: reason for name, reason in prepared.flaws.items() if name not in there}
        not_asked = {
            "in an evaluation set": len(prepared.leaked),
            "no usable solution": len(flaws),
            "asked before": len(prepared.rows) - len(questions),
            "not in the sample": len(questions) - limit,
        }
        asked = [question for i, question in enumerate(questions) if i in sampled]
        counts = {reason: n for reason, n in not_asked.items() if n}
        gathered.append(Gathered(source, asked, counts, prepared.leaked, flaws))
    return gathered


def build(gathered: list[Gathered], teacher: Teacher, seed: int = SEED, size: int | None = None) -> Build:
    """Ask the teacher, keep what is right, and sample `size` rows of it: fewer if fewer are right.

    Raises:
        BadBuild: there are fewer than `size` questions, or it is below 1; and all that the teacher raises.
    """
    questions = [question for part in gathered for question in part.questions]
    if size is not None and not 1 <= size <= len(questions):
        raise BadBuild(f"{size} rows cannot be made of {len(questions)} questions: ask for 1 to {len(questions)}")
    outcomes = teach(teacher, questions)
    right = [outcome for outcome in outcomes if outcome.solution]
    chosen = random.Random(f"{seed}/size").sample(range(len(right)), min(len(right), size or len(right)))
    rows = [
        {"id": asked.id, "question": asked.text, "solution": right[i].solution, "answer": asked.answer}
        for i in sorted(chosen)
        for asked in [right[i].question]
    ]
    return Build(rows, gathered, outcomes, seed)


def teach(teacher: Teacher, questions: Sequence[Question]) -> list[Outcome]:
    """Ask each question until its answer is right, at most `teacher.attempts` times: rejection sampling."""
    outcomes: dict[str, Outcome] = {}
    pending = list(questions)
    for attempt in range(teacher.attempts):
        for question, written in zip(pending, teacher.write(pending, attempt), strict=True):
            outcomes[question.id] = judge(question, written, attempt)
        pending = [question for question in pending if not outcomes[question.id].solution]
        if not pending:
            break
    return [outcomes[question.id] for question in questions]


def judge(question: Question, written: Written, attempt: int = 0) -> Outcome:
    """Whether the answer that a text ends in is the right one; if so, its solution ends "The answer is X."."""
    if written.failure:
        return Outcome(question, "", "", attempt, written.failure, written.detail)
    found = final_answer(question.kind, written.text)
    if found is None:
        return Outcome(question, written.text, "", attempt, "no final answer")
    if not matches(question.kind, found, question.answer):
        return Outcome(question, written.text, "", attempt, "wrong answer", f"{found}, not {question.answer}")
    return Outcome(question, written.text, _closed(written.text, question), attempt)


def final_answer(kind: str, text: str) -> str | None:
    """The last number, or the last letter that is stated as the answer; no other letter, as one in five is right."""
    return last_number(text) if kind == "number" else next(reversed(stated_letters(text)), None)


def annotated(read: Callable[[str, str], Prepared] = read) -> Prepared:
    """The derived sets `math10k` and, with `read_clean`, `math10k-clean`: with the sources' own rationales, whole."""
    made = build(gather(read), Annotated())
    where = ", ".join(f"{part.source.name}/{part.source.split}" for part in made.gathered)
    flaws = {name: reason for part in made.gathered for name, reason in part.flaws.items()}
    flaws |= {outcome.question.id: outcome.detail for outcome in made.outcomes if not outcome.solution}
    return Prepared(made.rows, where, flaws, tuple(name for part in made.gathered for name in part.leaked))


def _question(row: dict[str, Any], source: Source, flaw: str) -> Question:
    return Question(row["id"], row["question"], answer_kind(source.name), row["answer"], row["solution"], flaw)


def _closed(text: str, question: Question) -> str:
    end = f"The answer is {f'({question.answer})' if question.kind == 'letter' else question.answer}."
    if text.endswith(end):
        return text
    steps = re.sub(r"\s*\bthe (final )?answer is:?.{0,40}$", "", text, flags=re.IGNORECASE)
    return f"{steps}\n{end}" if steps else end
