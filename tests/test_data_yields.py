import json

from test_data_math10k import Scripted

from pelt_core.data.math10k import SOURCES, Build, Gathered, build
from pelt_core.data.reading import content_sha256
from pelt_core.data.teachers import Question
from pelt_core.data.yields import summarise

TEXTS = {
    "a": ["One two three 3", "", ""],
    "b": ["4", "so 3", ""],
    "c": ["4", "5", "none " + "word " * 60],
    "d": ["four"] * 3,
    "e": ["five"] * 3,
}


def built(teacher: Scripted, size: int | None = None) -> Build:
    questions = [Question(name, f"How many {name}?", "number", "3") for name in TEXTS]
    parts = [Gathered(SOURCES[0], questions, {"asked before": 7}, (), {}), Gathered(SOURCES[1], [], {}, (), {})]
    return build(parts, teacher, size=size)


def test_each_source_has_its_counts_reasons_and_lengths() -> None:
    teacher = Scripted(3, **TEXTS)
    made = built(teacher, size=1)
    record = summarise(made, teacher)
    first, second = record["sources"]
    assert {key: first[key] for key in ("source", "asked", "kept", "kept_by_attempt", "yield", "in_set")} == {
        "source": "gsm8k/train",
        "asked": 5,
        "kept": 2,
        "kept_by_attempt": [1, 1],
        "yield": 0.4,
        "in_set": 1,
    }
    assert first["dropped"] == {"no final answer": 3}
    assert first["not_asked"] == {"asked before": 7}
    assert first["solution_words"] == {"mean": 7.0, "p5": 6, "p50": 6, "p95": 8, "longest": 8}
    assert (second["asked"], second["yield"], second["solution_words"]) == (0, None, None)
    assert (record["rows"], record["content_sha256"]) == (1, content_sha256(made.rows))


def test_excerpts_are_few_and_short_and_say_why() -> None:
    teacher = Scripted(3, **TEXTS)
    record = summarise(built(teacher), teacher)
    assert [(each["id"], each["reason"]) for each in record["excerpts"]] == [
        ("a", "kept"),
        ("b", "kept"),
        ("c", "no final answer"),
        ("d", "no final answer"),
    ]
    assert all(len(text) < 120 for each in record["excerpts"] for text in each.values())
    assert record["excerpts"][2]["written"].startswith("none word word")
    assert record == json.loads(json.dumps(record))
