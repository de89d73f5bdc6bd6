import logging
from pathlib import Path

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerBase, Trainer, TrainingArguments

from pelt_core import backbones, data
from pelt_core.backbones import load_tokenizer
from pelt_core.data.batches import (
    IGNORED,
    NothingToLearn,
    collate,
    encode,
    encode_apart,
    encode_texts,
    left_pad,
    prompt_ids,
    tokens_of,
)
from pelt_core.data.prompts import PROMPTS, exchange, render

ROWS = [
    {"id": "a", "question": "What is 1 + 1?", "solution": "1 + 1 = 2. The answer is 2.", "answer": "2"},
    {"id": "b", "question": "Two and 20?", "solution": "The answer is 22.", "answer": "22"},
]
CHOICES = [{**row, "stem": "The sum?", "choices": ["none", row["answer"]], "gold": 1} for row in ROWS]


@pytest.fixture
def plain() -> PreTrainedTokenizerBase:
    return backbones.load_tokenizer("tiny-llama")


@pytest.fixture
def leading(plain: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A tokenizer that begins and ends every text by default, as LLaMA's and BERT's do."""
    plain.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{plain.bos_token} $A {plain.eos_token}",
        special_tokens=[(plain.bos_token, plain.bos_token_id), (plain.eos_token, plain.eos_token_id)],
    )
    return plain


@pytest.fixture(params=["plain", "leading"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_prompt_of_evaluation_begins_every_training_row(tokenizer: PreTrainedTokenizerBase, prompt: str) -> None:
    for row, encoded in zip(CHOICES, encode(tokenizer, CHOICES, prompt, 512), strict=True):
        asked = prompt_ids(tokenizer, exchange(prompt, row)[0])
        assert encoded["input_ids"][: len(asked)] == asked
        assert encoded["labels"][: len(asked)] == [IGNORED] * len(asked)


def test_labels_are_the_solution_and_the_end_of_sequence(tokenizer: PreTrainedTokenizerBase) -> None:
    for row, encoded in zip(ROWS, encode(tokenizer, ROWS, "alpaca@1", 512), strict=True):
        assert encoded["id"] == row["id"]
        learned = [label for label in encoded["labels"] if label != IGNORED]
        assert learned == encoded["input_ids"][-len(learned) :]
        assert learned[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(learned[:-1]) == row["solution"]
        assert tokenizer.decode(encoded["input_ids"], skip_special_tokens=True) == (
            render("alpaca@1", row["question"]) + row["solution"]
        )


def test_a_text_begins_as_the_tokenizer_begins_it_and_never_ends_early(leading: PreTrainedTokenizerBase) -> None:
    ids = encode(leading, ROWS, "alpaca@1", 512)[0]["input_ids"]
    assert ids[0] == leading.bos_token_id
    assert ids.count(leading.bos_token_id) == 1
    assert ids.count(leading.eos_token_id) == 1


def test_no_leading_token_is_added_to_a_tokenizer_that_adds_none(plain: PreTrainedTokenizerBase) -> None:
    assert plain.bos_token_id not in encode(plain, ROWS, "alpaca@1", 512)[0]["input_ids"]


def test_rows_too_long_or_unsolved_are_left_out_and_counted(
    plain: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
) -> None:
    long, short = (len(row["input_ids"]) for row in encode(plain, ROWS, "alpaca@1", 512))
    assert long > short
    assert encode(plain, ROWS, "alpaca@1", long)["id"] == ["a", "b"]
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert encode(plain, [*ROWS, {**ROWS[0], "solution": ""}], "alpaca@1", long - 1)["id"] == ["b"]
    assert f"1 rows encoded; left out: 1 of more than {long - 1} tokens, 1 without a solution" in caplog.text


def test_nothing_left_is_an_error_that_says_why(plain: PreTrainedTokenizerBase) -> None:
    with pytest.raises(NothingToLearn, match="2 of more than 9 tokens, 0 without a solution; raise max_length"):
        encode(plain, ROWS, "alpaca@1", 9)


def test_a_training_batch_is_padded_on_the_right(plain: PreTrainedTokenizerBase) -> None:
    encoded = list(encode(plain, ROWS, "alpaca@1", 512))
    batch = collate(encoded)
    long, short = (len(row["input_ids"]) for row in encoded)
    assert {name: tensor.shape for name, tensor in batch.items()} == dict.fromkeys(
        ("input_ids", "attention_mask", "labels"), (2, long)
    )
    for position, row in enumerate(encoded):
        length = len(row["input_ids"])
        assert batch["input_ids"][position].tolist() == row["input_ids"] + [plain.pad_token_id] * (long - length)
        assert batch["labels"][position].tolist() == row["labels"] + [IGNORED] * (long - length)
        assert batch["attention_mask"][position].tolist() == [1] * length + [0] * (long - length)
    assert long > short


def test_padding_has_the_id_that_is_asked_for() -> None:
    rows = [{"input_ids": [5, 6, 7], "labels": [IGNORED, 6, 7]}, {"input_ids": [8], "labels": [8]}]
    assert collate(rows, 3)["input_ids"].tolist() == [[5, 6, 7], [8, 3, 3]]
    assert collate(rows)["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]


def test_texts_to_classify_have_one_label_each_and_keep_their_token_types() -> None:
    rows = [
        {"id": "a", "input_ids": [5, 6, 7], "token_type_ids": [0, 1, 1], "label": 2},
        {"id": "b", "input_ids": [8], "token_type_ids": [1], "label": 0},
    ]
    assert {name: tensor.tolist() for name, tensor in collate(rows, 3).items()} == {
        "input_ids": [[5, 6, 7], [8, 3, 3]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "token_type_ids": [[0, 1, 1], [1, 0, 0]],
        "labels": [2, 0],
    }
    assert collate([{"input_ids": [5], "label": 0.5}])["labels"].tolist() == [0.5]


def test_prompts_for_generation_are_padded_on_the_left(tokenizer: PreTrainedTokenizerBase) -> None:
    prompts = ["What is 1 + 1?", "2?"]
    batch = left_pad(tokenizer, prompts)
    for position, prompt in enumerate(prompts):
        ids, mask = batch["input_ids"][position], batch["attention_mask"][position].bool()
        assert ids[mask].tolist() == prompt_ids(tokenizer, prompt)
        assert mask.tolist() == sorted(mask.tolist())
    assert batch["attention_mask"].dtype == torch.long


def test_a_tokenizer_without_a_padding_token_pads_with_the_end(plain: PreTrainedTokenizerBase) -> None:
    plain.pad_token = None
    assert left_pad(plain, ["ab", "a"])["input_ids"][1, 0] == plain.eos_token_id


def test_padding_changes_no_loss(plain: PreTrainedTokenizerBase) -> None:
    model = backbones.load_model("tiny-llama")
    encoded = list(encode(plain, ROWS, "alpaca@1", 512))

    def summed(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            return model(**batch).loss * (batch["labels"][:, 1:] != IGNORED).sum()

    torch.testing.assert_close(summed(collate(encoded)), sum(summed(collate([row])) for row in encoded))


def test_the_trainer_learns_from_the_batches(plain: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    rows = encode(plain, data.training_rows("arithmetic:8", seed=0), "alpaca@1", 512)
    arguments = TrainingArguments(
        output_dir=str(tmp_path), per_device_train_batch_size=4, max_steps=4, learning_rate=1e-2,
        use_cpu=True, report_to="none", save_strategy="no", logging_steps=1, disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(
        model=backbones.load_model("tiny-llama"), args=arguments, train_dataset=rows, data_collator=collate
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-llama"])
def test_two_texts_are_read_as_one_or_apart(name: str) -> None:
    tokenizer = load_tokenizer(name)
    row = {"id": "a", "text": "one two", "text_pair": "three", "label": 1}
    (joined,) = encode_texts(tokenizer, [row], 64)
    written = tokenizer.decode(joined["input_ids"], skip_special_tokens=True)
    assert written == ("one twothree" if name == "tiny-bert" else "one two\nthree") and joined["label"] == 1
    (apart,) = encode_apart(tokenizer, [row], 64)
    texts = [tokenizer.decode(apart[column], skip_special_tokens=True) for column in ("input_ids", "input_ids_pair")]
    assert texts == ["one two", "three"]
    assert tokens_of(apart) == len(apart["input_ids"]) + len(apart["input_ids_pair"])


def test_texts_are_cut_to_the_length_asked_for() -> None:
    tokenizer = load_tokenizer("tiny-bert")
    row = {"id": "a", "text": "x" * 50, "text_pair": "y" * 9, "label": 0.5}
    (joined,) = encode_texts(tokenizer, [row], 20)
    assert len(joined["input_ids"]) == 20
    assert "y" * 8 in tokenizer.decode(joined["input_ids"]), "the longer of the two is cut"
    (apart,) = encode_apart(tokenizer, [row], 20)
    assert (len(apart["input_ids"]), len(apart["input_ids_pair"])) == (20, 11)


def test_texts_apart_are_rows_of_one_batch_with_one_label() -> None:
    rows = [
        {"input_ids": [1, 2], "input_ids_pair": [3], "label": 4},
        {"input_ids": [5], "input_ids_pair": [6, 7, 8], "label": 9},
    ]
    batch = collate(rows)
    assert batch["input_ids"].tolist() == [[1, 2, 0], [3, 0, 0], [5, 0, 0], [6, 7, 8]]
    assert batch["attention_mask"].sum(1).tolist() == [2, 1, 1, 3]
    assert batch["labels"].tolist() == [4, 9]
