"""Tiny models of every family, a padded batch for each, and methods grown on them so that every module acts."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel

from pelt_core.attachment import attach
from pelt_core.backbones import BACKBONES, TASKS, natural_task
from pelt_core.tiny import tiny_model

ENCODERS = ("bert", "roberta")
DECODERS = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma3_text", "gptj", "bloom", "gpt_neox", "gpt2", "opt")
ENCODER_DECODERS = ("t5",)
FAMILIES = (*ENCODERS, *DECODERS, *ENCODER_DECODERS)
GENERATORS = (*DECODERS, *ENCODER_DECODERS)
VARIANTS = {
    "t5-gated": {"feed_forward_proj": "gated-gelu"},
    "opt-post": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
    "gemma3_text-narrow": {"sliding_window": 4},
}
"""Models of a family whose configuration changes their anatomy, or how far they see: what is changed."""
SWITCHABLE = tuple(family for family in FAMILIES if family not in ("gptj", "bloom"))  # eager or sdpa; these: eager only

SUM = "prefix(tokens=3)+lora+series(bottleneck=6)@mlp:1"
LORA = "lora(rank=4)@q,k,v,o,up,down"
THREE = "[lora(rank=4)@q,v+series(bottleneck=6)@mlp+prefix(tokens=3)]"
SEQUENCE, CENTRAL = f"sequence*{THREE}", "softmax*[lora(rank=4)+prefix(tokens=3)]"
LADDER, SIDE = "ladder(reduction=2)", "side(reduction=2)"
NEUTRAL = (
    "series(bottleneck=6)@attn,mlp",
    "series(bottleneck=6)@q,v,down",
    "parallel(bottleneck=6)@attn,mlp",
    "parallel(bottleneck=6)@k,up,down",
    "multihead_parallel(bottleneck=3,scale=2)",
    "adamix(experts=3,bottleneck=6)@attn,mlp",
    LADDER,
    LORA,
    "dora(rank=4,scaling=sqrt-rank)@q,k,v,o,up,down",
    "krona(factor=4)@linears",
    "diff(fraction=0.1)@q,v",
    "sparse(fraction=0.1)@linears",
    "said(dimension=12)@linears",
    "scalar(per=submodule)*lora(rank=4)+token*series(bottleneck=6)@attn,mlp",
    "bitfit",
    "ia3",
    "layernorm",
)
"""Methods that do nothing at the start: at least one specification of each."""
PFEIFFER = "pfeiffer(bottleneck=6)@attn_norm,mlp_norm"
MOVING = (
    "prefix(tokens=4)",
    "mlp_prefix(tokens=4,mid=6)",
    "prompt(tokens=3,start=vocabulary)+prefix(tokens=2)",
    "intrinsic_prompt(tokens=4,dimension=3)",
    SUM,
    "series(bottleneck=6,activation=tanh,bias=false,start=normal)@down",
    PFEIFFER,
    "compacter(reduction=4,rank=2)",
    SIDE,
    SEQUENCE,
    CENTRAL,
    f"prompt*{THREE}",
    f"softmax(pool=prompt)*{THREE}",
    f"softmax(pool=token,hard=true)*{THREE}",
)
"""Methods that change the output from the start."""
MERGEABLE = (
    "lora@q,v",
    "lora(rank=4,alpha=2)@q,k,v,o,up,down",
    "lora@k:1+lora(rank=2)@v",
    "dora(rank=2)@q,k,v,down",
    "krona@q,down",
    "diff@linears",
    "sparse(fraction=0.5)@v:1",
    "said(dimension=40,seed=2)@k,up",
    "ia3",
    "layernorm",
)
IN_PLACE = ("full", "full:last1", "head")
GROWN = (*NEUTRAL, *MOVING)
SPECS = (*GROWN, *IN_PLACE, "none")
_SIDE_OF_TWO = dict.fromkeys(ENCODER_DECODERS, "an encoder-decoder has two")
REFUSED: dict[str, dict[str, str]] = {
    PFEIFFER: dict.fromkeys(GENERATORS, "use series@mlp here") | {"gptj": "gptj has no position 'mlp_norm'"},
    **dict.fromkeys((LADDER, SIDE), _SIDE_OF_TWO),
    **dict.fromkeys((SEQUENCE, CENTRAL), dict.fromkeys(GENERATORS, "depends on the tokens after it")),
}
"""Specification -> the families on which it makes no sense -> words of what attaching it there says."""


def pairs(families: Iterable[str], specs: Iterable[str]) -> list[tuple[str, str]]:
    """Every (family, specification) that makes sense."""
    specs = list(specs)
    return [(family, spec) for family in families for spec in specs if family not in REFUSED.get(spec, ())]


HEADS = {
    "bert": {"classifier.weight", "classifier.bias"},
    "roberta": {f"classifier.{layer}.{kind}" for layer in ("dense", "out_proj") for kind in ("weight", "bias")},
    "llama": {"lm_head.weight"},
    "mistral": {"lm_head.weight"},
    "qwen2": {"lm_head.weight"},
    "qwen3": {"lm_head.weight"},
    "gemma": {"model.embed_tokens.weight"},  # the output layer is tied to the embedding
    "gemma3_text": {"model.embed_tokens.weight"},
    "gptj": {"lm_head.weight", "lm_head.bias"},
    "bloom": {"transformer.word_embeddings.weight"},
    "gpt_neox": {"lm_head.weight"},
    "gpt2": {"transformer.wte.weight"},
    "opt": {"model.decoder.embed_tokens.weight"},
    "t5": {"shared.weight"},
}
"""Family -> the parameters of its output layer."""


def base(family: str) -> str:
    """The family that a variant belongs to."""
    return family.partition("-")[0]


@cache
def _loaded(family: str) -> PreTrainedModel:
    name = f"tiny-{base(family)}"
    row = BACKBONES[name]
    config = AutoConfig.for_model(row.architecture, **{**row.config, **VARIANTS.get(family, {})})
    config.num_labels = 3
    return tiny_model(config, TASKS[natural_task(name)]).eval()


def tiny(family: str, attention: str | None = None) -> PreTrainedModel:
    """A fresh copy of the family's tiny model: a classifier for an encoder, a language model for all others."""
    model = copy.deepcopy(_loaded(family))
    if attention is not None:
        model.set_attn_implementation(attention)
    return model


def batch(family: str) -> dict[str, Tensor]:
    """Two rows of seven tokens, the first padded by two: on the left for a decoder, on the right for all others.

    An encoder-decoder gets five tokens for its decoder besides.
    """
    ids = torch.randint(4, 260, (2, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, slice(0, 2) if base(family) in DECODERS else slice(-2, None)] = 0
    inputs = {"input_ids": ids * mask, "attention_mask": mask}
    if base(family) in ENCODER_DECODERS:
        start = torch.zeros(2, 1, dtype=torch.long)
        inputs["decoder_input_ids"] = torch.cat([start, ids[:, 1:5]], 1)
    return inputs


def unmasked(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tokens, padding and all, without a mask."""
    return {name: value for name, value in inputs.items() if name != "attention_mask"}


def real(logits: Tensor, inputs: dict[str, Tensor]) -> Tensor:
    """The logits of tokens that are no padding, `(tokens, vocabulary)`; a classifier's as they are."""
    if logits.dim() == 2:
        return logits
    if "decoder_input_ids" in inputs or "attention_mask" not in inputs:
        return logits.flatten(0, 1)
    return logits[inputs["attention_mask"].bool()]


def stir(model: PreTrainedModel, std: float = 0.1) -> None:
    """Moves every trained tensor off its start, where a zero would hide what is wrong."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p += std * torch.randn(p.shape, generator=generator).to(p.dtype)


def grown(family: str, spec: str, attention: str | None = None, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """The family's tiny model with the method attached and acting, in eval mode."""
    model = tiny(family, attention).to(dtype)
    attach(model, spec)
    stir(model)
    return model


def output(model: PreTrainedModel) -> Tensor:
    """The logits of the batch of the model's family."""
    logits: Tensor = model(**batch(model.config.model_type)).logits
    return logits


def loss(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    """A scalar on which every output depends, with the same draws each time where a method draws at random."""
    torch.manual_seed(3)
    return real(model(**inputs, use_cache=False).logits, inputs).float().square().mean()


def gradients(model: PreTrainedModel) -> dict[str, Tensor]:
    """Name -> gradient, of every parameter that has one."""
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
