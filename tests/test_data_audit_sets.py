from pelt_core.data.audit.sets import SETS
from pelt_core.data.catalogue import pin


def test_every_audited_split_is_pinned() -> None:
    for one in SETS:
        assert all(pin(one.name, split) for split in (*one.splits, *one.instead))


def test_titles_are_unique_among_training_and_among_evaluation_sets() -> None:
    assert len({(one.role, one.title) for one in SETS}) == len(SETS)


def test_what_the_studies_evaluate_on_is_audited() -> None:
    evaluated = {one.name for one in SETS if one.role == "evaluation" and one.splits == ("test",)}
    assert {"gsm8k", "svamp", "multiarith", "addsub", "singleeq", "aqua", "mawps"} <= evaluated
    assert len(evaluated) == 7 + 8 + 8  # and the commonsense sets, and GLUE
