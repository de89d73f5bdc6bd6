"""What makes two questions the same problem: each function gives a text that the same problems share."""

import re

CHOICES = " Answer Choices: "  # between a question and its options, in AQuA and MathQA


def normalise_question(question: str) -> str:
    """The letters and digits of a question, for finding the same problem in two sets: "3.0 cats ." is "3 Cats"."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"(\d)\.0\b", r"\1", question.lower()))


def mask_numbers(question: str) -> str:
    """The letters of a question with "#" for each number: "Tim has 3,000.5 cats." and "Tim has 7 cats" are one."""
    return re.sub(r"[^a-z#]", "", re.sub(r"\d+(?:,\d{3})*(?:\.\d+)?", "#", question.lower().replace("#", "")))


def stem(question: str) -> str:
    """A question without its answer choices: the same problem may be asked with other options."""
    return question.partition(CHOICES)[0]
