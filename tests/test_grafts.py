from __future__ import annotations

import models
import pytest
import torch
from torch import Tensor, nn

from pelt_core.anatomy import ANATOMIES, Port
from pelt_core.attachment import attached
from pelt_core.grafts import Graft, HostGraft, NormInputGraft
from pelt_core.sites import Site, sites


class Weighted(nn.Module):
    """`delta = a x + b y`."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.a * x + self.b * y


class OfHost(nn.Module):
    """`delta = W_host y`."""

    def forward(self, x: Tensor, y: Tensor, host: nn.Linear) -> Tensor:
        return y @ host.weight.T


class ReadsOutput(Weighted):
    reads = "y"


class Halving(nn.Module):
    """A gate of one half that keeps what it has read."""

    def forward(self, h: Tensor) -> Tensor:
        self.read = h
        return torch.full((*h.shape[:-1], 1), 0.5)


def site(read: str, write: Port, width: int = 4) -> Site:
    (stack,) = ANATOMIES["llama"]
    return Site(0, "mlp", Port(read, "in"), write, width, width, heads=2, head_dim=2, stack=stack)


@pytest.fixture
def chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))


def steps(chain: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    """What each module reads, and what the last one writes."""
    found = [inputs]
    for layer in chain:
        found.append(layer(found[-1]))
    return found


@pytest.mark.parametrize("side", ["in", "out"])
@pytest.mark.parametrize(("read", "write"), [("0", "0"), ("0", "2"), ("2", "2")])
def test_what_is_written_becomes_y_plus_delta_of_x_and_y(
    chain: nn.Sequential, read: str, write: str, side: str
) -> None:
    inputs = torch.randn(2, 3, 4)
    plain = steps(chain, inputs)
    behind = int(write) + (side == "out")
    expected = 0.5 * plain[behind] + 2 * plain[int(read)]
    for layer in list(chain)[behind:]:
        expected = layer(expected)
    handles = Graft(site(read, Port(write, side)), Weighted(2, -0.5)).wire(chain)  # type: ignore[arg-type]
    torch.testing.assert_close(chain(inputs), expected)
    for handle in handles:
        handle.remove()
    assert torch.equal(chain(inputs), plain[-1])


@pytest.mark.parametrize("kind", [Weighted, ReadsOutput])
def test_a_gate_reads_what_its_delta_reads_and_scales_it(chain: nn.Sequential, kind: type[Weighted]) -> None:
    x, _, _, y = steps(chain, torch.randn(2, 3, 4))
    gate = Halving()
    Graft(site("0", Port("2")), kind(2, -0.5), gate).wire(chain)
    torch.testing.assert_close(chain(x), y + 0.5 * (2 * x - 0.5 * y))
    assert torch.equal(gate.read, y if kind is ReadsOutput else x)


def test_a_delta_may_read_the_module_that_it_changes_the_output_of(chain: nn.Sequential) -> None:
    x, _, _, y = steps(chain, torch.randn(2, 3, 4))
    HostGraft(site("0", Port("2")), OfHost(), Halving()).wire(chain)
    torch.testing.assert_close(chain(x), y + 0.5 * y @ chain[2].weight.T)


def test_a_delta_may_read_what_a_normalisation_makes_of_what_it_changes() -> None:
    norm, h = nn.LayerNorm(4), torch.randn(2, 3, 4)
    plain = norm(h)
    NormInputGraft(site("", Port("")), Weighted(2, -0.5)).wire(norm)
    torch.testing.assert_close(norm(h), norm.forward(0.5 * h + 2 * plain))


def test_a_delta_is_shown_its_host_before_it_starts(chain: nn.Sequential) -> None:
    class FromHost(Weighted):
        def start(self, host: nn.Linear) -> None:
            self.host = host

    delta = FromHost(1, 1)
    Graft(site("0", Port("2")), delta).start(chain)
    assert delta.host is chain[2]
    Graft(site("0", Port("2")), Weighted(1, 1)).start(chain)


def test_a_graft_holds_no_activation_between_calls(chain: nn.Sequential) -> None:
    graft = Graft(site("0", Port("2")), Weighted(1, 1))
    graft.wire(chain)
    chain(torch.randn(1, 2, 4))
    assert graft._x is None


FUSED = {"gpt2": "attn.c_attn", "bloom": "self_attention.query_key_value", "gpt_neox": "attention.query_key_value"}


@pytest.mark.parametrize("family", FUSED)
@pytest.mark.parametrize("position", ["q", "k", "v"])
def test_a_fused_part_is_what_the_model_takes_for_it(family: str, position: str) -> None:
    """Moving the position's part of the fused output moves that one of the attention's query, keys and values."""
    model, inputs, seen = models.tiny(family), models.batch(family), []
    (found,) = sites(model, (position,), [0])
    fused = model.base_model.get_submodule(found.write.path)
    assert found.write.path.endswith(FUSED[family])

    def attend() -> list[Tensor]:
        handle = fused.register_forward_hook(lambda module, args, y: seen.append(y))
        model(**inputs)
        handle.remove()
        y = seen.pop()
        if family == "bloom":
            return list(model.base_model.h[0].self_attention._reshape(y))
        return list(y.split(32, -1) if family == "gpt2" else y.view(2, 7, 4, 24).chunk(3, -1))

    before = attend()
    Graft(found, Weighted(0, 1)).wire(model.base_model)
    for name, old, new in zip("qkv", before, attend(), strict=True):
        torch.testing.assert_close(new, 2 * old if name == position else old)


@pytest.mark.parametrize("method", ["lora@up", "series@mlp", "parallel(bias=false)@mlp", "adamix@mlp", "dora@up"])
@pytest.mark.parametrize("shape", [(2, 5, 1), (2, 1, 1), (1, 1, 1)], ids=["tokens", "rows", "all"])
def test_a_gate_acts_as_a_factor_wherever_the_delta_takes_it_in(method: str, shape: tuple[int, ...]) -> None:
    model = models.grown("llama", method)
    (graft,) = [graft for name, graft in attached(model).grafts.items() if name.startswith("0_")]
    host = model.base_model.get_submodule(graft.site.write.path)
    x, y = torch.randn(2, 5, graft.site.d_in), torch.randn(2, 5, graft.site.d_out)
    g = torch.rand(shape)
    graft.eval()
    torch.testing.assert_close(graft.gated_change(g, x, y, host), g * graft.change(x, y, host))
    assert graft.change(x, y, host).abs().max() > 0
