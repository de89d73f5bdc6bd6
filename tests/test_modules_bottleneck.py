"""The adapters against their equations, written out with dense matrices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import models
import pytest
import torch
from torch import Tensor

from pelt_core.attachment import attach, attached
from pelt_core.modules.bottleneck import Bottleneck, MultiHeadParallel, Parallel, Pfeiffer, Series
from pelt_core.sites import sites

PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda z: z.clamp(min=0),
    "gelu": lambda z: z * 0.5 * (1 + torch.erf(z / 2**0.5)),
    "tanh": lambda z: (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()),
}


def dense(adapter: Bottleneck, h: Tensor, activation: str = "relu") -> Tensor:
    down, up = adapter.down, adapter.up
    return adapter.scale * (PHI[activation](h @ down.weight.T + down.bias) @ up.weight.T + up.bias)


def stirred(adapter: Bottleneck) -> Bottleneck:
    torch.manual_seed(0)
    for p in adapter.parameters():
        torch.nn.init.normal_(p)
    return adapter


@pytest.mark.parametrize("activation", PHI)
def test_series_reads_what_was_written(activation: str) -> None:
    (site,) = sites(models.tiny("llama"), ("down",), [0])  # 48 -> 32
    adapter = stirred(Series(site, bottleneck=5, activation=activation, scale=0.5))  # type: ignore[arg-type]
    x, y = torch.randn(2, 3, 48), torch.randn(2, 3, 32)
    assert adapter.down.weight.shape == (5, 32) and adapter.up.weight.shape == (32, 5)
    torch.testing.assert_close(adapter(x, y), dense(adapter, y, activation))


@pytest.mark.parametrize("activation", PHI)
def test_parallel_reads_what_was_read(activation: str) -> None:
    (site,) = sites(models.tiny("llama"), ("down",), [0])
    adapter = stirred(Parallel(site, bottleneck=5, activation=activation, scale=4.0))  # type: ignore[arg-type]
    x, y = torch.randn(2, 3, 48), torch.randn(2, 3, 32)
    assert adapter.down.weight.shape == (5, 48) and adapter.up.weight.shape == (32, 5)
    torch.testing.assert_close(adapter(x, y), dense(adapter, x, activation))


@pytest.mark.parametrize("kind", [Series, Parallel])
def test_a_new_adapter_adds_nothing_and_learns_at_once(kind: type[Series] | type[Parallel]) -> None:
    (site,) = sites(models.tiny("llama"), ("mlp",), [0])
    adapter, h = kind(site), torch.randn(2, 3, 32)
    assert adapter.down.out_features == 64 and not adapter(h, h).any()
    assert adapter.down.weight.std() > 0
    adapter(h, h).sum().backward()
    assert adapter.up.weight.grad is not None and adapter.up.weight.grad.any()


def test_it_computes_in_the_type_of_what_it_reads() -> None:
    (site,) = sites(models.tiny("llama"), ("mlp",), [0])
    adapter, h = stirred(Parallel(site)), torch.randn(2, 3, 32)
    out = adapter(h.bfloat16(), h.bfloat16())
    assert out.dtype is torch.bfloat16
    assert (out.float() - adapter(h, h)).norm() < 0.03 * out.float().norm()


def mlp_with_adapter(family: str, spec: str) -> tuple[Tensor, Tensor]:
    """What layer 0's MLP gives with the adapter in the model, and by hand from the untouched parts."""
    model, inputs, seen = models.tiny(family), models.batch(family), {}
    mlp = model.base_model.layers[0].mlp
    mlp.register_forward_hook(lambda module, args, y: seen.update(x=args[0], y=y))
    model(**inputs)
    plain = dict(seen)
    attach(model, spec)
    models.stir(model)
    model(**inputs)
    assert torch.equal(seen["x"], plain["x"])
    adapter = attached(model).grafts[f"0_mlp_{spec.partition('(')[0]}"].delta
    return seen["y"], plain["y"] + dense(adapter, plain["y"] if isinstance(adapter, Series) else plain["x"])


@pytest.mark.parametrize("spec", ["series(scale=2)@mlp", "parallel(scale=2)@mlp"])
@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2"])
def test_a_sublayer_in_the_model_gives_y_plus_the_adapter(family: str, spec: str) -> None:
    found, expected = mlp_with_adapter(family, spec)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("bias", [True, False])
def test_the_start_of_the_released_codes(bias: bool) -> None:
    (site,) = sites(models.tiny("llama"), ("down",), [0])
    torch.manual_seed(0)
    adapter = Series(site, bottleneck=400, bias=bias, start="normal")
    parameters = dict(adapter.named_parameters())
    for name in ("down", "up"):
        weight = parameters.pop(f"{name}.weight")
        assert abs(weight.mean()) < 1e-3 and 0.019 < weight.std() < 0.021
    assert set(parameters) == ({"down.bias", "up.bias"} if bias else set())
    assert not any(b.any() for b in parameters.values())


@pytest.mark.parametrize("position", ["attn_norm", "mlp_norm"])
@pytest.mark.parametrize("family", models.ENCODERS)
def test_pfeiffers_adapter_as_unipelt_has_it(family: str, position: str) -> None:
    model, inputs, seen = models.tiny(family), models.batch(family), {}
    attach(model, f"pfeiffer(bottleneck=6)@{position}:0")
    models.stir(model)
    layer = model.base_model.encoder.layer[0]
    half = layer.attention.output if position == "attn_norm" else layer.output
    half.dense.register_forward_hook(lambda module, args, f: seen.update(f=f))
    half.register_forward_hook(lambda module, args, y: seen.update(r=args[1], y=y))
    model(**inputs)
    f, r, norm = seen["f"], seen["r"], half.LayerNorm.forward
    adapter = attached(model).grafts[f"0_{position}_pfeiffer"].delta
    assert isinstance(adapter, Pfeiffer)
    torch.testing.assert_close(seen["y"], norm(f + dense(adapter, norm(f + r)) + r))


def test_every_head_has_its_own_adapter() -> None:
    (site,) = sites(models.tiny("llama"), ("heads",), [0])
    site = dataclasses.replace(site, heads=3, head_dim=5, d_out=15)  # as wide as the heads are, not as the model
    adapter = MultiHeadParallel(site, bottleneck=2, scale=0.5)
    x, y = torch.randn(2, 7, 32), torch.randn(2, 7, 15)
    assert not adapter(x, y).any()
    assert sum(p.numel() for p in adapter.parameters()) == 3 * 32 * 2 + 15 * 2
    assert all(0 < D.abs().max() <= 32**-0.5 for D in adapter.D)  # the bound of the Kaiming-uniform start
    torch.nn.init.normal_(adapter.U)
    heads = [0.5 * (x @ D.T).clamp(min=0) @ U.T for D, U in zip(adapter.D, adapter.U, strict=True)]
    torch.testing.assert_close(adapter(x, y), torch.cat(heads, -1))
