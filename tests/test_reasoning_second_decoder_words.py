import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import second_decoder, second_decoder_words
from pelt_core.study.ledger import Ledger


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    study(folder, *second_decoder.FIRST, effects={"token": -0.3})
    study(
        folder, second_decoder.STUDY, effects={"token": -0.3, "lora-mlp": 0.3}, keep=lambda r: r.method != "prefix@kv"
    )
    return second_decoder.load("laptop", Ledger(folder))


def test_the_reading_counts_what_is_the_same_and_names_every_contrast(both):
    frame = second_decoder.contrasts(both)
    said = second_decoder_words.reading(both, frame, second_decoder.orders(both)).data
    assert said.startswith("Of 19 contrasts that both decoders have, ") and "the same direction" in said
    assert "The sign alone is the same in" in said and "placement, 9 methods" in said
    assert "on SmolLM2-135M-Instruct where its p-value is small enough after Holm's correction" in said
    assert "on Gemma 3 270M where its 95 % interval, not corrected, leaves out zero, as there is no test" in said
    assert "clear on Gemma 3 270M without a test" in said and "no finding that they differ" in said
    assert "**Three, token gate less.** the same, no gate: −0." in said and "on Gemma 3 270M" in said
    assert "**Order.** Rank correlation" in said and "nan" not in said


def test_what_differs_besides_the_backbone_is_said_of_each_study(both):
    said = second_decoder_words.unlike(both).data
    assert "[placement](placement): training rows 200 rows of GSM8K and 300 of MAWPS, cleaned there, 100" in said
    assert "; the learning rates of Series adapter at attention, " in said and " and LoRA at both." in said
    assert "[causal-gates](causal-gates): seeds 0, 1 and 2 there, 0 here." in said


def test_limits_are_those_of_the_backbone(both, tmp_path):
    own = "\n".join(second_decoder_words.limits(both))
    assert "not searched on this backbone" in own and "normalisation behind" in own and "One backbone" not in own
    small = "\n".join(second_decoder_words.limits(second_decoder.load("smoke", Ledger(tmp_path))))
    assert small.startswith("**One backbone.**") and "not searched" not in small and "not a sample" not in small


def test_without_rows_there_is_nothing_to_read(tmp_path):
    both = second_decoder.load("laptop", Ledger(tmp_path))
    said = second_decoder_words.reading(both, second_decoder.contrasts(both), second_decoder.orders(both)).data
    assert "nothing to read yet" in said
