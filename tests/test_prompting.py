"""A prompt against the model given the same embeddings by hand, and all the ways in which text reaches a model."""

from __future__ import annotations

import models
import pytest
import torch
from torch import Tensor
from transformers import AutoModel, PreTrainedModel

from pelt_core.attachment import attach, attached, detach
from pelt_core.decode import greedy
from pelt_core.errors import PeltError
from pelt_core.prompting import PromptError

SPEC = "prompt(tokens=3)"


def prompt_of(model: PreTrainedModel, name: str | None = None) -> Tensor:
    return attached(model, name).all_grafts()[0].delta.P


def lengthened(family: str, P: Tensor, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The embeddings `[P; E(x)]` and the mask of a batch, for the bare model."""
    embed = models.tiny(family).get_input_embeddings()
    embeddings = torch.cat([P.detach().expand(2, -1, -1), embed(inputs["input_ids"])], 1)
    mask = torch.cat([torch.ones(2, len(P), dtype=torch.long), inputs["attention_mask"]], 1)
    return {"inputs_embeds": embeddings.detach(), "attention_mask": mask}


@pytest.mark.parametrize("family", models.DECODERS)
def test_a_decoder_reads_the_prompt_and_gives_the_logits_of_the_text(family: str) -> None:
    model, inputs = models.grown(family, SPEC), models.batch(family)
    expected = models.tiny(family)(**lengthened(family, prompt_of(model), inputs)).logits[:, 3:]
    found = model(**inputs).logits
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", models.ENCODERS)
def test_an_encoder_reads_the_prompt_and_its_pooler_the_first_token_of_the_text(family: str) -> None:
    grown, inputs = models.grown(family, SPEC), models.batch(family)
    torch.manual_seed(0)
    plain = AutoModel.from_config(grown.config).eval()  # with a pooler, which RoBERTa's classifier has none of
    model = AutoModel.from_config(grown.config).eval()
    model.load_state_dict(plain.state_dict())
    attach(model, SPEC)
    given = lengthened(family, prompt_of(model), inputs)
    given["inputs_embeds"][:, 3:] = plain.get_input_embeddings()(inputs["input_ids"]).detach()
    expected, found = plain(**given).last_hidden_state[:, 3:], model(**inputs, output_hidden_states=True)
    real = inputs["attention_mask"].bool()
    torch.testing.assert_close(found.last_hidden_state[real], expected[real], atol=1e-5, rtol=1e-5)
    assert torch.equal(found.pooler_output, model.pooler(found.last_hidden_state))
    assert {states.shape for states in found.hidden_states} == {(2, 7, 32)}
    assert torch.equal(found.hidden_states[-1], found.last_hidden_state)


def test_padding_on_the_left_leaves_robertas_positions_as_they_are() -> None:
    model, ids = models.grown("roberta", SPEC), models.batch("roberta")["input_ids"][1:]
    pad = torch.full((1, 2), model.config.pad_token_id)
    mask = torch.tensor([[0, 0, *[1] * 7]])
    expected = model.roberta(input_ids=ids).last_hidden_state
    found = model.roberta(input_ids=torch.cat([pad, ids], 1), attention_mask=mask).last_hidden_state[:, 2:]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_an_encoder_decoder_s_decoder_sees_the_virtual_tokens() -> None:
    model, inputs = models.grown("t5", SPEC), models.batch("t5")
    given = lengthened("t5", prompt_of(model), inputs)
    expected = models.tiny("t5")(**given, decoder_input_ids=inputs["decoder_input_ids"])
    found = model(**inputs)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=1e-5)
    assert found.encoder_last_hidden_state.shape == (2, 10, 32)


def test_text_may_come_as_embeddings_in_order_or_by_name_and_with_positions_and_kinds() -> None:
    model, inputs = models.grown("bert", SPEC).bert, models.batch("bert")
    ids, mask = inputs.values()
    expected = model(**inputs).last_hidden_state
    assert torch.equal(model(ids, mask).last_hidden_state, expected)
    embeddings = model.get_input_embeddings()(ids)
    assert torch.equal(model(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state, expected)
    places = torch.arange(7).unsqueeze(0)
    assert torch.equal(model(**inputs, position_ids=places).last_hidden_state, expected)
    kinds = torch.zeros_like(ids)
    assert torch.equal(model(**inputs, token_type_ids=kinds).last_hidden_state, expected)
    assert not torch.equal(model(**inputs, token_type_ids=kinds + 1).last_hidden_state, expected)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "opt"])
@pytest.mark.parametrize("spec", [SPEC, "intrinsic_prompt(tokens=3,dimension=2)+prefix(tokens=2)"])
def test_our_greedy_decoding_writes_what_generate_writes(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    end = model.generation_config.eos_token_id
    written = [[*row, end] for row in model.generate(**inputs, do_sample=False, max_new_tokens=9)[:, 7:].tolist()]
    expected = [row[: row.index(end)] for row in written]
    assert greedy(model, **inputs, max_new_tokens=9, stops=frozenset([end])) == expected
    assert max(map(len, expected)) > 2


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "opt", "t5"])
def test_beams_are_alike_with_and_without_a_cache(family: str) -> None:
    model, inputs = models.grown(family, SPEC), models.batch(family)
    how = {"do_sample": False, "num_beams": 3, "min_new_tokens": 6, "max_new_tokens": 6}
    cached, plain = (model.generate(**inputs, **how, use_cache=use_cache) for use_cache in (True, False))
    assert torch.equal(cached, plain)


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2"])
def test_of_two_prompts_the_newer_is_in_front(family: str) -> None:
    model, inputs = models.tiny(family), models.batch(family)
    attach(model, SPEC, name="one", seed=1)
    attach(model, "prompt(tokens=2)", name="two", seed=2)
    models.stir(model.pelt)
    both = torch.cat([prompt_of(model, "two"), prompt_of(model, "one")])
    found = model(**inputs).logits
    detach(model, "one"), detach(model, "two")
    attach(model, "prompt(tokens=5)")
    with torch.no_grad():
        prompt_of(model).copy_(both)
    torch.testing.assert_close(found, model(**inputs).logits, atol=1e-6, rtol=1e-5)


def test_a_cache_of_fixed_size_is_refused() -> None:
    model, inputs = models.grown("llama", SPEC), models.batch("llama")
    with pytest.raises(PromptError, match="fixed size.*cache_implementation") as caught:
        model.generate(**inputs, max_new_tokens=2, cache_implementation="static", disable_compile=True)
    assert isinstance(caught.value, PeltError)


def test_a_mask_of_every_pair_of_tokens_is_refused() -> None:
    model, ids = models.grown("llama", SPEC), models.batch("llama")["input_ids"]
    with pytest.raises(PromptError, match=r"as \(batch, tokens\)"):
        model(input_ids=ids, attention_mask=torch.ones(2, 1, 7, 7, dtype=torch.bool))


def test_the_embedding_is_left_alone_outside_of_the_model() -> None:
    model, ids = models.grown("llama", SPEC), models.batch("llama")["input_ids"]
    model(input_ids=ids)
    embed = model.get_input_embeddings()
    assert torch.equal(embed(ids), embed.weight[ids])


@pytest.mark.parametrize("how", [{"prefill_chunk_size": 3}, {"prompt_lookup_num_tokens": 2}], ids=["pieces", "guesses"])
def test_a_text_read_in_pieces_or_guessed_ahead_goes_on_alike(how: dict[str, int]) -> None:
    model, ids = models.grown("llama", SPEC), torch.tensor([[5, 6, 7, 5, 6, 7, 5, 6]])
    given = {"input_ids": ids, "do_sample": False, "min_new_tokens": 10, "max_new_tokens": 10}
    assert torch.equal(model.generate(**given, **how), model.generate(**given))


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "gptj", "opt"])
def test_virtual_tokens_take_learnt_positions(family: str) -> None:
    model, config = models.grown(family, SPEC), models.tiny(family).config
    room = config.max_position_embeddings - (config.pad_token_id + 1 if family == "roberta" else 0) - 3
    ids = torch.full((1, room), 5)
    assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.isfinite().all()
    longer = torch.full((1, room + 1), 5)
    with pytest.raises(PromptError, match=f"{room + 4} tokens.* 3 are virtual.*cut the text to {room} tokens"):
        model(input_ids=longer, attention_mask=torch.ones_like(longer))


@pytest.mark.parametrize("family", ["roberta", "opt", "gpt2"])
def test_padding_beyond_the_last_position_is_no_token(family: str) -> None:
    model, ids = models.grown(family, SPEC), torch.full((1, 1024), 5)
    ids[:, :9] = model.config.pad_token_id
    mask = (torch.arange(1024) >= 9).long().unsqueeze(0)
    given = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if family == "gpt2" else {}
    assert model(input_ids=ids, attention_mask=mask, **given).logits.isfinite().all()


def test_positions_that_are_computed_have_no_end() -> None:
    model, ids = models.grown("llama", SPEC), torch.full((1, 1024), 5)
    assert model(ids).logits.shape[1] == 1024


@pytest.mark.parametrize("family", ["bert", "llama", "t5"])
def test_a_forward_pass_that_failed_leaves_nothing_behind(family: str) -> None:
    model, inputs = models.grown(family, SPEC), models.batch(family)
    embed = model.base_model.get_submodule(attached(model).all_grafts()[0].site.write.path)
    ids = inputs["input_ids"]
    expected, logits = embed(ids), model(**inputs).logits

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    for module in (embed, next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))[0]):
        handle = module.register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            model(**inputs)
        handle.remove()
        assert torch.equal(embed(ids), expected)
    assert torch.equal(model(**inputs).logits, logits)


def test_an_embedding_that_was_replaced_is_told() -> None:
    model, inputs = models.grown("t5", SPEC), models.batch("t5")
    model.resize_token_embeddings(264)
    with pytest.raises(
        PromptError, match="embedding was replaced since the prompt was attached, .* resize first, then"
    ):
        model(**inputs)
    detach(model)
    assert model(**inputs).logits.shape == (2, 5, 264)


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2", "t5"])
@pytest.mark.parametrize("spec", [SPEC, "prompt(tokens=3)+intrinsic_prompt(tokens=2,dimension=2)"])
def test_a_model_asked_for_a_tuple_gives_one(family: str, spec: str) -> None:
    grown, inputs = models.grown(family, spec), models.batch(family)
    for model in (grown, grown.base_model):
        how = {"output_hidden_states": True, "output_attentions": True, "use_cache": False}
        expected, found = model(**inputs, **how), model(**inputs, **how, return_dict=False)
        assert isinstance(found, tuple)
        torch.testing.assert_close(found, expected.to_tuple(), atol=0, rtol=0)
