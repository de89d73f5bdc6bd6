"""How a module gets into a model and out again.

At every site, and nowhere else::

    y' = y + g(x, y) * delta(x, y)

A graft is wired by forward hooks that are bound methods of an `nn.Module`: the host keeps its classes and its
state-dict keys, `copy.deepcopy` rewires the copy to its own grafts, and `torch.compile`, gradient checkpointing
and `generate` with a key-value cache keep working. A compiled model does not see that hooks have come or gone, so who
puts some on or takes them off calls `forget_compiled`.

A delta is an `nn.Module`, called as `delta(x, y)`; a graft of another kind says what it gives instead. It may have
these besides, which are looked up by name where they are needed:

- `reads`: `"x"`, as without it, or `"y"`: which of the two the delta reads, and so its gate (here and `gating`);
- `graft`: the class that wires it, if that is not `Graft` (`attachment`);
- `Common`: a class, of which all deltas of a term share one instance, `Common(sites, **arguments)` (`attachment`);
- `gated(g, x, y)`: `g * delta(x, y)`, where that takes less time than the product. Behind a gate it is called in the
  place of the delta, whose forward hooks do not see it; who overrides one of the two overrides the other;
- `start(host)`: lets it start from the module that it changes the output of, or where its graft says so, from the base;
- `weight_change(weight, bias)`: `(dW, db)`, what it adds to these, `None` for what it leaves alone (`merging`);
- `penalty()`: a number that is added to the loss in training (`objective`);
- `routes`: true if it draws anew in every pass, so that two passes are trained to agree (`objective`);
- `folds_to` and `fold()`: the name of the method that it comes to once it is trained, and the delta of it (`folding`);
- `tokens`: how many embeddings a prompt puts in front of the text (`prompting`).
"""

from __future__ import annotations

import sys
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pelt_core.sites import Site, part_of


def forget_compiled() -> None:
    """Has compiled models compiled anew, as they do not look at hooks that come or go after they were compiled."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()


class Graft(nn.Module):
    """A delta at one site, and perhaps a gate in front of it: `y' = y + g * delta(x, y)`.

    `x` is `(batch, tokens, site.d_in)`, `y` and the delta are `(batch, tokens, site.d_out)`. The gate reads what its
    delta reads, `x` or `y`, and gives `(batch, tokens, 1)` or one number for all tokens, `(batch, 1, 1)`. The
    parameters stay in their own type (fp32); both compute in the type of what they read, so that a bf16 backbone
    stays fast.
    """

    def __init__(self, site: Site, delta: nn.Module, gate: nn.Module | None = None) -> None:
        super().__init__()
        self.site, self.delta, self.gate = site, delta, gate
        self._x: Tensor | None = None

    def start(self, base: nn.Module) -> None:
        """Lets a delta that starts from the module it changes the output of read it."""
        if hasattr(self.delta, "start"):
            cast(Any, self.delta).start(base.get_submodule(self.site.write.path))

    def forward(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`y'`, for the module `host` that wrote `y`."""
        if self.gate is None:
            return y + self.change(x, y, host)
        g: Tensor = self.gate(self.gate_input(x, y))
        if g.dim() > y.dim():  # OPT's MLP reads the tokens of all rows as those of one
            g = g.expand(-1, len(y) // len(g), -1).flatten(0, 1)
        if self._chooses():
            return self._where_chosen(g, x, y, host)
        return y + self.gated_change(g, x, y, host)

    def change(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`delta(x, y)`."""
        delta: Tensor = self.delta(x, y)
        return delta

    def gated_change(self, g: Tensor, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`g * delta(x, y)`."""
        if not hasattr(self.delta, "gated"):
            return g * self.change(x, y, host)
        gated: Tensor = cast(Any, self.delta).gated(g, x, y)
        return gated

    def _chooses(self) -> bool:
        return getattr(self.gate, "hard", False) and not self.training

    def _where_chosen(self, g: Tensor, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`y'`, with the delta computed for the tokens with `g > 0` alone, as one row."""
        chosen = (g > 0).squeeze(-1).expand(y.shape[:-1])
        if not chosen.any():
            return y
        change = self.change(x[chosen].unsqueeze(0), y[chosen].unsqueeze(0), host).squeeze(0)
        return y.index_put((chosen,), g.expand(*y.shape[:-1], 1)[chosen] * change, accumulate=True)

    def gate_input(self, x: Tensor, y: Tensor) -> Tensor:
        """What the delta, and so its gate, reads."""
        return y if getattr(self.delta, "reads", "x") == "y" else x

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft into `base`; the handles take it out again."""
        read, write = base.get_submodule(self.site.read.path), base.get_submodule(self.site.write.path)
        handles = [] if read is write else [read.register_forward_pre_hook(self._keep_input)]
        if self.site.write.side == "in":
            return [*handles, write.register_forward_pre_hook(self._change_input)]
        return [*handles, write.register_forward_hook(self._change_output)]

    def _keep_input(self, host: nn.Module, args: tuple[Any, ...]) -> None:
        self._x = args[0]

    def _kept_input(self, args: tuple[Any, ...]) -> Tensor:
        if self._x is None:
            return cast(Tensor, args[0])
        x, self._x = self._x, None
        return x

    def _change_input(self, host: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self(self._kept_input(args), args[0], host), *args[1:])

    def _change_output(self, host: nn.Module, args: tuple[Any, ...], y: Tensor) -> Tensor:
        x = self._kept_input(args)
        if self.site.write.part is None:
            return self(x, y, host)
        # Autograd forbids writing into a view of the fused output, so the change goes into a copy.
        changed, old = y.clone(), part_of(y, self.site.write.part, self.site.heads)
        new = self(x, old.reshape(*y.shape[:-1], -1), host)
        part_of(changed, self.site.write.part, self.site.heads).copy_(new.view_as(old))
        return changed


class HostGraft(Graft):
    """A graft whose delta needs the module that it changes the output of: `y' = y + g * delta(x, y, host)`."""

    def change(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`delta(x, y, host)`."""
        delta: Tensor = self.delta(x, y, host)
        return delta

    def gated_change(self, g: Tensor, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`g * delta(x, y, host)`."""
        return g * self.change(x, y, host)


class NormInputGraft(Graft):
    """A graft that changes what a normalisation `N` reads, and reads what it writes: `y' = y + g * delta(N(y), y)`."""

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft in front of the normalisation; the handle takes it out again."""
        return [base.get_submodule(self.site.write.path).register_forward_pre_hook(self._change_norm_input)]

    def _change_norm_input(self, host: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self(host.forward(args[0]), args[0], host), *args[1:])
