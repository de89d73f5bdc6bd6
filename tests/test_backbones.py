import math
from pathlib import Path

import pytest
import torch

from pelt_core import backbones
from pelt_core.attachment import attach
from pelt_core.backbones import (
    BACKBONES,
    BackboneUnavailable,
    UnknownBackbone,
    UnsuitableTask,
    load_model,
    load_tokenizer,
    meta_classifier,
    meta_model,
)
from pelt_core.data.batches import prompt_ids
from pelt_core.embedded import minilm_folder

TINY = [name for name, row in BACKBONES.items() if row.source == "random"]
TINY_DECODERS = [name for name in TINY if name not in ("tiny-bert", "tiny-roberta", "tiny-t5")]


@pytest.fixture(scope="module")
def smollm2_tokenizer() -> backbones.PreTrainedTokenizerBase:
    return load_tokenizer("smollm2-135m")


@pytest.mark.parametrize("text", ["The answer is 24.", "48 / 2 = 24\n\n12 eggs", "naïve café, 3.5 %", "  two  spaces"])
def test_smollm2_text_comes_back(smollm2_tokenizer: backbones.PreTrainedTokenizerBase, text: str) -> None:
    ids = smollm2_tokenizer(text)["input_ids"]
    assert smollm2_tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_smollm2_gives_each_digit_its_own_token(smollm2_tokenizer: backbones.PreTrainedTokenizerBase) -> None:
    assert smollm2_tokenizer("A\n\n12 x  3")["input_ids"] == [49, 1116, 33, 34, 1792, 256, 35]
    tokens = smollm2_tokenizer.tokenize("1234 + 567")
    assert [token for token in tokens if token.isdigit()] == list("1234567")


def test_smollm2_special_tokens(smollm2_tokenizer: backbones.PreTrainedTokenizerBase) -> None:
    tokenizer = smollm2_tokenizer
    assert (tokenizer.bos_token, tokenizer.bos_token_id) == ("<|im_start|>", 1)
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|im_end|>", 2)
    assert tokenizer.pad_token_id == 2
    assert tokenizer("<|endoftext|>")["input_ids"] == [0]
    assert tokenizer("x")["input_ids"] == [104], "nothing is added around a text"
    assert tokenizer.padding_side == "left"


def test_smollm2_knows_english(smollm2_tokenizer: backbones.PreTrainedTokenizerBase) -> None:
    model = load_model("smollm2-135m")
    assert model.num_parameters() == BACKBONES["smollm2-135m"].parameters
    text = "<|endoftext|>The cat sat on the mat and looked at the dog."
    inputs = smollm2_tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        loss = model(**inputs, labels=inputs["input_ids"]).loss.item()
    assert math.exp(loss) == pytest.approx(14.21, abs=0.05)
    prompt = smollm2_tokenizer("The capital of France is", return_tensors="pt")
    ids = model.generate(**prompt, max_new_tokens=2, do_sample=False)
    assert smollm2_tokenizer.decode(ids[0]).endswith("France is Paris.")


def test_gemma3_reads_a_text_behind_its_first_token() -> None:
    """Without `<bos>` its loss is far higher: it was never trained on a text without."""
    try:
        tokenizer, model = load_tokenizer("gemma3-270m"), load_model("gemma3-270m")
    except BackboneUnavailable as error:
        pytest.skip(str(error))
    assert model.num_parameters() == BACKBONES["gemma3-270m"].parameters
    ids = torch.tensor([prompt_ids(tokenizer, "The cat sat on the mat and looked at the dog.")])
    assert ids[0, 0] == tokenizer.bos_token_id and tokenizer.padding_side == "left"
    with torch.no_grad():
        assert model(ids, labels=ids).loss.item() == pytest.approx(3.5, abs=0.5)
        assert model(ids[:, 1:], labels=ids[:, 1:]).loss.item() > 6


def test_minilm_is_a_sentence_encoder() -> None:
    torch.manual_seed(0)
    model = load_model("minilm-l6", task="classification", labels=3)
    assert model.config.num_labels == 3
    assert model.base_model.num_parameters() == BACKBONES["minilm-l6"].parameters
    tokenizer = load_tokenizer("minilm-l6")
    assert tokenizer.padding_side == "right"
    texts = ["A man plays a guitar.", "Someone is playing an instrument.", "The stock market fell today."]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    mask = inputs["attention_mask"][..., None]
    with torch.no_grad():
        hidden = model.base_model(**inputs).last_hidden_state * mask
        sentence = torch.nn.functional.normalize(hidden.sum(1) / mask.sum(1), dim=-1)
        assert model(**inputs).logits.shape == (3, 3)
    similar, different = sentence[0] @ sentence[1], sentence[0] @ sentence[2]
    assert similar > 0.5 > 0.3 > different


@pytest.mark.parametrize("name", TINY)
def test_tiny_model_runs_on_its_tokenizer(name: str) -> None:
    tokenizer = load_tokenizer(name)
    inputs = tokenizer(["12 dogs", "a"], padding=True, padding_side="right", return_tensors="pt")
    model = load_model(name, task="classification", labels=3)
    assert not model.training
    assert model.config.model_type == BACKBONES[name].architecture
    logits = model(**inputs).logits
    assert logits.shape == (2, 3)
    alone = tokenizer(["a"], return_tensors="pt")
    torch.testing.assert_close(model(**alone).logits[0], logits[1])


@pytest.mark.parametrize("name", TINY_DECODERS)
def test_tiny_decoder_generates_the_same_alone_and_padded(name: str) -> None:
    model, tokenizer = load_model(name), load_tokenizer(name)
    length = {"min_new_tokens": 4, "max_new_tokens": 4}
    together = model.generate(**tokenizer(["12 dogs", "a"], padding=True, return_tensors="pt"), **length)
    alone = model.generate(**tokenizer(["a"], return_tensors="pt"), **length)
    assert torch.equal(together[1, -4:], alone[0, -4:])


def test_tiny_encoder_decoder_generates_the_same_alone_and_padded() -> None:
    model, tokenizer = load_model("tiny-t5", task="seq2seq"), load_tokenizer("tiny-t5")
    length = {"min_new_tokens": 4, "max_new_tokens": 4}
    together = model.generate(**tokenizer(["12 dogs", "a"], padding=True, return_tensors="pt"), **length)
    alone = model.generate(**tokenizer(["a"], return_tensors="pt"), **length)
    assert torch.equal(together[1], alone[0])


def test_dtype_is_that_of_the_weights() -> None:
    for name in ("tiny-llama", "smollm2-135m"):
        assert load_model(name, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_a_folder_is_a_backbone(tmp_path: Path) -> None:
    original = load_model("tiny-gpt2")
    original.save_pretrained(tmp_path)
    tokenizer = load_tokenizer("tiny-gpt2")
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    loaded = load_model(str(tmp_path))
    assert torch.equal(loaded.transformer.wte.weight, original.transformer.wte.weight)
    assert load_tokenizer(str(tmp_path)).pad_token == "</s>"
    assert load_tokenizer(str(tmp_path)).padding_side == "left"


def test_meta_model_has_shapes_and_no_weights() -> None:
    model = meta_model("yahma/llama-7b-hf")
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert model.model.layers[31].mlp.up_proj.weight.shape == (11008, 4096)


def test_a_backbone_is_made_from_its_wheel_on_the_processor_even_if_only_shapes_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first use may convert it, which fails where every tensor is made on the meta device."""

    def folder() -> Path:
        assert torch.get_default_device().type == "cpu"
        return minilm_folder()

    monkeypatch.setitem(backbones.WHEELS, "minilm-l6", folder)
    assert meta_classifier("minilm-l6", "mean", 2).backbone.device.type == "meta"
    assert meta_model("minilm-l6", "classification").device.type == "meta"


def test_unknown_name_lists_what_is_known() -> None:
    with pytest.raises(UnknownBackbone, match="did you mean 'smollm2-135m'.*tiny-opt.*folder.*owner/name"):
        load_model("smollm-135m")
    with pytest.raises(UnknownBackbone):
        load_tokenizer("./no/such/folder")


def test_hub_out_of_reach_says_how_to_go_on() -> None:
    for load in (load_model, load_tokenizer):
        with pytest.raises(BackboneUnavailable, match="hf download yahma/llama-7b-hf.*smollm2-135m"):
            load("yahma/llama-7b-hf")


def test_tasks_that_cannot_be() -> None:
    with pytest.raises(UnsuitableTask, match="minilm-l6 is an encoder.*task='classification'"):
        load_model("minilm-l6")
    with pytest.raises(UnsuitableTask, match="'translation'.*causal-lm, seq2seq, classification"):
        load_model("tiny-llama", task="translation")
    with pytest.raises(UnsuitableTask, match="tiny-t5 is an encoder-decoder.*task='seq2seq'"):
        load_model("tiny-t5")
    with pytest.raises(UnsuitableTask, match="tiny-llama is a decoder.*task='causal-lm'"):
        load_model("tiny-llama", task="seq2seq")
    with pytest.raises(UnsuitableTask, match="labels"):
        load_model("tiny-llama", labels=3)


def test_a_backbone_saved_with_a_method_on_it_is_not_loaded_without(tmp_path):
    model = load_model("tiny-llama")
    attach(model, "lora@q")
    model.save_pretrained(tmp_path)
    with pytest.raises(UnknownBackbone, match="holds a backbone with a method on it"):
        load_model(str(tmp_path))
