"""The texts of options that several commands share."""

import pytest

from pelt_core.cli.options import BadOption, parse_seeds, parse_where


@pytest.mark.parametrize(("text", "seeds"), [(None, None), ("3", [3]), ("0,2-4", [0, 2, 3, 4])])
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


def test_a_range_of_seeds_that_falls_is_refused():
    with pytest.raises(BadOption, match="--seeds '1,4-0' has no seeds from 4 to 0; write the lower one first: 0-4"):
        parse_seeds("1,4-0")


def test_where():
    assert parse_where(None) == {} and parse_where(["task=sst2,qqp", "seed=1"]) == {
        "task": ["sst2", "qqp"],
        "seed": ["1"],
    }
    with pytest.raises(BadOption, match="--where 'task' cannot be read; write FIELD=VALUE, e.g. task=sst2,qqp"):
        parse_where(["task"])
