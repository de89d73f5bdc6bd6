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
from pelt_core.peft_format.kinds import IN_MODEL, Config, Fill, Format, PeftFormatError, Tensors
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
        weight: Any = host.weight.T if is_transposed(host) else host.weight
        B, row = A.new_zeros(weight.shape[0], len(A)), 0
        for graft, delta in zip(grafts, deltas, strict=True):
            block = part_of(B.T, graft.site.write.part, graft.site.heads)[row : row + len(delta.A)]
            block.copy_((delta.scale / scale * delta.B.T).reshape(block.shape))
            row += len(delta.A)
        ranks[path], alphas[path] = len(A), scale * (math.sqrt(len(A)) if by_root else len(A))
        tensors |= {f"{IN_MODEL}{path}.lora_A.weight": A, f"{IN_MODEL}{path}.lora_B.weight": B}
        if hasattr(deltas[0], "m"):
            lengths = torch.linalg.vector_norm(weight.float(), dim=1)
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
    A, B, m = (_taken(tensors, f".lora_{kind}") for kind in ("A.weight", "B.weight", "magnitude_vector"))

    def arguments(path: str) -> str:
        patterns = (config.get("alpha_pattern") or {}).items()
        alpha = next((a for key, a in patterns if re.match(rf"(.*\.)?({key})$", path)), config["lora_alpha"])
        scaling = "sqrt-rank" if config.get("use_rslora") else "rank"
        return f"(rank={len(A[path])},alpha={alpha},dropout={config.get('lora_dropout', 0)},scaling={scaling})"

    def fill(graft: Any) -> None:
        delta, site, path = graft.delta, graft.site, _path(model, graft.site)
        delta.A.copy_(A[path])
        delta.B.copy_(part_of(B[path].T, site.write.part, site.heads).flatten(1).T)
        if path in m:
            delta.m.copy_(part_of(m[path], site.write.part, site.heads).flatten())

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
            size = sum(len(f) for f in factors) if grafts[0].site.write.part is None else 3 * len(factors[0])
            tensors[f"{IN_MODEL}{path}.ia3_l"] = _whole(grafts, factors, factors[0].new_ones(size)).unsqueeze(1)
    return {"target_modules": sorted(hosts), "feedforward_modules": inputs, "fan_in_fan_out": transposed}, tensors


def _read_ia3(model: PreTrainedModel, config: Config, tensors: Tensors) -> tuple[str, Fill]:
    factors = _taken(tensors, ".ia3_l")
    inputs = [path for path, factor in factors.items() if factor.shape[0] == 1]

    def fill(graft: Any) -> None:
        factor = factors[_path(model, graft.site)].flatten()
        graft.delta.l.copy_(part_of(factor, graft.site.write.part, graft.site.heads).flatten() - 1)

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
        graft.delta.w.copy_(weights[path] - host.weight)
        if path in biases:
            graft.delta.b.copy_(biases[path] - host.bias)

    found = _sites_at(model, weights, GROUPS["norms"])
    return _spec(model, "layernorm", [(site, "") for site in found]), fill


LORA = Format("LORA", _write_lora, _read_lora)
IA3 = Format("IA3", _write_ia3, _read_ia3)
NORMS = Format("LN_TUNING", _write_norms, _read_norms)
