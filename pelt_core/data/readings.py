"""All that is read out of one output: its answer by two rules, and the equation it rests on.

It follows from a record's `output` and `gold` alone, so records made before a rule existed can be read by it too.
"""

from fractions import Fraction
from typing import Any

from pelt_core.data.extraction import TOLERANCE, extract, matches, rules
from pelt_core.data.written_equation import last_equation


def readings(kind: str, output: str, gold: str) -> dict[str, Any]:
    """The fields of a record that say what was answered, and whether that is right.

    Args:
        kind: of the answer, "number", "letter" or "choice".
        output: what the model wrote.
        gold: the right answer.

    Returns:
        `extracted` and `correct` by the mended rule, `extracted_published` and `correct_published` by that of the
        published code, see `pelt_core.data.extraction.rules`. For a number also `equation`, the last that the model
        wrote, or None, and `equation_correct`, whether it gives the right answer, as computed by us.

    Raises:
        UnknownExtractor: no rule looks for such a label as `gold`.
        UnknownKind: such answers are not read out of a text.
    """
    published, mended = (extract(rule, output) for rule in rules(kind, gold))
    answers = {
        "extracted": mended,
        "extracted_published": published,
        "correct": matches(kind, mended, gold),
        "correct_published": matches(kind, published, gold),
    }
    if kind != "number":
        return answers
    written = last_equation(output)
    right = written is not None and written.value is not None and abs(written.value - Fraction(gold)) <= TOLERANCE
    return answers | {"equation": written.text if written else None, "equation_correct": right}
