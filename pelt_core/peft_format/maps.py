"""LoRA, DoRA, IA3 and the tuning of normalisations, from here to PEFT and back.

PEFT has one change of a map, where the parts of a fused map of q, k and v have one each here: they become one, block by
block, and one becomes three.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.anatomy import GROUPS, INNER, LINEARS
from pelt_core.attachment import Attachment
from pelt_core.peft_format.kinds import IN_MODEL, Config, Fill, Format, PeftFormatError, Tensors, fitting
from pelt_core.sites import Site, is_transposed, part_of, sites, stacks

# Where a method sits


def _path(model: PreTrainedModel, site: Site) -> str:
    """The path, from `model`, of the module that `site` writes to."""
    return site.write.path if model.base_model is model else f"{model.base_model_prefix}.{site.write.path}"


def _hosts(model: PreTrainedModel, attachment: Attachment) -> dict[str, list[Any]]:
    """Path -> the grafts there, up to three at a fused map."""
    hosts: dict[str, list[Any]] = {}
    for graft in attachment.all_grafts():
        hosts.setdefault(_path(model, graft.site), []).append(graft)
    return hosts


def _sites_at(model: PreTrainedModel, paths: Iterable[str], positions: Iterable[str]) -> list[Site]:
    """Those of the positions' sites that are at one of the paths."""
    there = [position for position in positions if all(position in stack.positions for stack in stacks(model))]
    found, wanted = sites(model, there), set(paths)
    if unknown := sorted(wanted - {_path(model, site) for site in found}):
        raise PeftFormatError(f"{', '.join(unknown[:3])} of {model.config.model_type} is none of {', '.join(there)}")
    return [site for site in found if _path(model, site) in wanted]


def _spec(model: PreTrainedModel, name: str, arguments: Iterable[tuple[Site, str]]) -> str:
    """The specification that puts `name(arguments)` at each of the sites."""
    numbers: dict[tuple[str, str], list[int | None]] = {}
    for site, text in arguments:
        numbers.setdefault((text, site.position), []).append(site.layer)
    terms: dict[tuple[str, str], list[str]] = {}
    for (text, position), found in numbers.items():
        whole = found == [site.layer for site in sites(model, [position])]
        terms.setdefault((text, "" if whole else f":{','.join(map(str, found))}"), []).append(position)
    return "+".join(f"{name}{text}@{','.join(positions)}{where}" for (text, where), positions in terms.items())


def _size(site: Site) -> int:
    """How long the whole output is that `site` writes to, or to a part of; of a map, whatever keeps its weight."""
    return site.d_out * (3 if site.write.part else 1)


def _whole(grafts: list[Any], vectors: list[Tensor], rest: Tensor) -> Tensor:
    """One vector for the whole output of a map: those of its parts, and the `rest` between them."""
    whole = rest.clone()
    for graft, vector in zip(grafts, vectors, strict=True):
        part = part_of(whole, graft.site.write.part, graft.site.heads)
        part.copy_(vector.view_as(part))
    return whole


def _taken(tensors: Tensors, suffix: str) -> Tensors:
    """Path -> its tensor of this kind, which is taken out of `tensors`."""
    keys = [key for key in tensors if key.endswith(suffix)]
    return {key.removeprefix(IN_MODEL).removesuffix(suffix): tensors.pop(key) for key in keys}


# LoRA and DoRA


def _gate(graft: Any) -> Tensor | float:
    """The one number of a scalar gate, of the site's own or of the layer's; 1 without a gate."""
    return 1.0 if graft.gate is None else getattr(graft.gate, "whole", graft.gate)(graft.delta.A).squeeze()


def _write_lora(model: PreTrainedModel, attachment: Attachment) -> tuple[Config, Tensors]:
    arguments = [dict(term.arguments) for term in attachment.method.terms]
    if len(dropouts := {each["dropout"] for each in arguments}) > 1:
        raise PeftFormatError(f"PEFT has one dropout for all maps, not {' and '.join(map(str, sorted(dropouts)))}")
    by_root = all(each["scaling"] == "sqrt-rank" for each in arguments)
    ranks, alphas, tensors, transposed = {}, {}, Tensors(), False
    for path, grafts in _hosts(model, attachment).items():
        deltas = [graft.delta for graft in grafts]
        host, A, scale = model.get_submodule(path), torch.cat([delta.A for delta in deltas]), deltas[0].scale
        transposed = transposed or is_transposed(host)
        B, row = A.new_zeros(_size(grafts[0].site), len(A)), 0
        for graft, delta in zip(grafts, deltas, strict=True):
            block = part_of(B.T, graft.site.write.part, graft.site.heads)[row : row + len(delta.A)]
            block.copy_((_gate(graft) * delta.scale / scale * delta.B.T).reshape(block.shape))
            row += len(delta.A)
        ranks[path], alphas[path] = len(A), scale * (math.sqrt(len(A)) if by_root else len(A))
        tensors |= {f"{IN_MODEL}{path}.lora_A.weight": A, f"{IN_MODEL}{path}.lora_B.weight": B}
        if hasattr(deltas[0], "m"):
            weight: Any = host.weight
            lengths = torch.linalg.vector_norm(weight.float(), dim=0 if is_transposed(host) else 1)
            m = _whole(grafts, [delta.m for delta in deltas], lengths)
            tensors[f"{IN_MODEL}{path}.lora_magnitude_vector"] = m
    rank, alpha = next(iter(ranks.values())), next(iter(alphas.values()))
    config = {
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {path: r for path, r in ranks.items() if r != rank},
        "alpha_pattern": {path: a for path, a in alphas.items() if a != alpha},
        "lora_dropout": dropouts.pop(),
        "use_rslora": by_root,
        "use_dora": any(key.endswith("_vector") for key in tensors),
        "fan_in_fan_out": transposed,
        "target_modules": sorted(ranks),
    }
    return config, tensors


def _read_lora(model: PreTrainedModel, config: Config, tensors: Tensors) -> tuple[str, Fill]:
    kinds = ("A.weight", "B.weight", "magnitude_vector")
    A, B, m = (_taken(tensors, f".lora_{kind}") for kind in kinds)
    if alone := sorted(A.keys() ^ B.keys()):
        raise PeftFormatError(f"{', '.join(alone[:3])} has only one of lora_A and lora_B in the folder")

    def arguments(path: str) -> str:
        patterns = (config.get("alpha_pattern") or {}).items()
        alpha = next((a for key, a in patterns if re.match(rf"(.*\.)?({key})$", path)), config["lora_alpha"])
        scaling = "sqrt-rank" if config.get("use_rslora") else "rank"
        return f"(rank={len(A[path])},alpha={alpha},dropout={config.get('lora_dropout', 0)},scaling={scaling})"

    def fill(graft: Any) -> None:
        delta, site, path = graft.delta, graft.site, _path(model, graft.site)
        size, name = _size(site), f"{path}.lora_"
        whole = fitting(B[path], (size, len(delta.A)), f"{name}B.weight")
        delta.A.copy_(fitting(A[path], delta.A.shape, f"{name}A.weight"))
        delta.B.copy_(part_of(whole.T, site.write.part, site.heads).flatten(1).T)
        if path in m:
            lengths = fitting(m[path], (size,), f"{name}magnitude_vector")
            delta.m.copy_(part_of(lengths, site.write.part, site.heads).flatten())

    found = [(site, arguments(_path(model, site))) for site in _sites_at(model, A, LINEARS)]
    return _spec(model, "dora" if m else "lora", found), fill


# IA3


def _write_ia3(model: PreTrainedModel, attachment: Attachment) -> tuple[Config, Tensors]:
    tensors, inputs, transposed = Tensors(), [], False
    hosts = _hosts(model, attachment)
    for path, grafts in hosts.items():
        sides = {graft.site.write.side for graft in grafts}
        if len(sides) > 1:
            raise PeftFormatError(f"PEFT's IA3 scales what {path} reads or what it writes, not both")
        host = model.get_submodule(path)
        transposed = transposed or is_transposed(host)
        factors = [1 + graft.delta.l for graft in grafts]
        if sides == {"in"}:
            inputs.append(path)
            tensors[f"{IN_MODEL}{path}.ia3_l"] = factors[0].unsqueeze(0)
        else:
            rest = factors[0].new_ones(_size(grafts[0].site))
            tensors[f"{IN_MODEL}{path}.ia3_l"] = _whole(grafts, factors, rest).unsqueeze(1)
    return {"target_modules": sorted(hosts), "feedforward_modules": inputs, "fan_in_fan_out": transposed}, tensors


def _read_ia3(model: PreTrainedModel, config: Config, tensors: Tensors) -> tuple[str, Fill]:
    factors = _taken(tensors, ".ia3_l")
    inputs = [path for path, factor in factors.items() if factor.shape[0] == 1]

    def fill(graft: Any) -> None:
        site, path = graft.site, _path(model, graft.site)
        shape = (1, _size(site)) if site.write.side == "in" else (_size(site), 1)
        factor = fitting(factors[path], shape, f"{path}.ia3_l").flatten()
        graft.delta.l.copy_(part_of(factor, site.write.part, site.heads).flatten() - 1)

    found = _sites_at(model, inputs, INNER) + _sites_at(model, factors.keys() - inputs, LINEARS)
    return _spec(model, "ia3", [(site, "") for site in found]), fill


# Tuning of normalisations


def _write_norms(model: PreTrainedModel, attachment: Attachment) -> tuple[Config, Tensors]:
    tensors = Tensors()
    for path, (graft,) in _hosts(model, attachment).items():
        host: Any = model.get_submodule(path)
        tensors[f"{IN_MODEL}{path}.ln_tuning_layers.weight"] = host.weight + graft.delta.w
        if graft.delta.b is not None:
            tensors[f"{IN_MODEL}{path}.ln_tuning_layers.bias"] = host.bias + graft.delta.b
    return {"target_modules": sorted(_hosts(model, attachment))}, tensors


def _read_norms(model: PreTrainedModel, config: Config, tensors: Tensors) -> tuple[str, Fill]:
    weights, biases = (_taken(tensors, f".ln_tuning_layers.{kind}") for kind in ("weight", "bias"))

    def fill(graft: Any) -> None:
        path = _path(model, graft.site)
        host: Any = model.get_submodule(path)
        name = f"{path}.ln_tuning_layers."
        graft.delta.w.copy_(fitting(weights[path], host.weight.shape, f"{name}weight") - host.weight)
        if path in biases:
            graft.delta.b.copy_(fitting(biases[path], host.bias.shape, f"{name}bias") - host.bias)

    found = _sites_at(model, weights, GROUPS["norms"])
    return _spec(model, "layernorm", [(site, "") for site in found]), fill


LORA = Format("LORA", _write_lora, _read_lora)
IA3 = Format("IA3", _write_ia3, _read_ia3)
NORMS = Format("LN_TUNING", _write_norms, _read_norms)
