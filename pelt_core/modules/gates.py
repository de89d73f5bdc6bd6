"""Gates: how much of a delta is let through, `y' = y + g(h) * delta(x, y)` with `g` in (0, 1).

A gate reads `h` of `(batch, tokens, width)`, what its delta reads, and gives `(batch, tokens, 1)`, or one number for
all tokens of a row, `(batch, 1, 1)`.

A method behind a gate has one at each of its sites (UniPELT's released code: two for LoRA at q and v). With
`per=submodule` it has one a layer (UniPELT, section 3.2), which reads what attention reads if the sites are several.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.context import Context

# Which sites of a method share a gate. `Gating` reads it, as a gate knows of one site alone; the gates take it so that
# a specification can say it of each of them.
Per = Literal["site", "submodule"]
Pool = Literal["sequence", "token", "prompt"]
Padding = Literal["ignored", "counted"]
Future = Literal["refused", "read"]


class Gate(nn.Module):
    """A gate.

    Attributes:
        causal: whether the gate of a token depends on no later token.
        reads_future: whether it may sit in a causal model although it does.
        local: whether it depends on that token alone.
        per_token: whether every token of a row has a gate of its own.
        joint: whether the gates of one layer's methods are weighed against each other, and so are one module.
        hard: whether, at inference, a gate of 0 means that the delta need not be computed.

    """

    causal = True
    reads_future = False
    local = False
    per_token = True
    joint = False
    hard = False

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context


class LinearGate(Gate):
    """`g = pool_t s_t`, `s_t = sigmoid(w h_t + b)` with `w ~ N(0, 0.02^2)` and `b = 0`: a gate starts near one half.

    A pool is that of the gate of its name: `token` (none), `sequence` or `prompt`.

    Attributes:
        beside: the gates of one layer that read what its attention reads, this one among them: one product gives all.

    """

    def __init__(
        self, width: int, context: Context, pool: Pool, padding: Padding = "ignored", members: int = 1
    ) -> None:
        super().__init__(context)
        self.pool, self.padding = pool, padding
        self.w = nn.Parameter(0.02 * torch.randn(members, width))
        self.b = nn.Parameter(torch.zeros(members))
        self.beside = [self]

    def squash(self, scores: Tensor) -> Tensor:
        """`s` of `w h_t + b`."""
        return torch.sigmoid(scores)

    def forward(self, h: Tensor) -> Tensor:
        """`g`, `(batch, tokens, members)`, or `(batch, 1, members)` where all tokens of a row share it."""
        if len(self.beside) == 1 or h is not self.context.hidden:
            return self._pooled(h, [self])
        first, column = self.beside[0], self.beside.index(self)
        return self.context.once(first, lambda: first._pooled(h, self.beside))[..., column : column + 1]

    def _pooled(self, h: Tensor, gates: list[LinearGate]) -> Tensor:
        """`g` of each of these gates, which differ in `w` and `b` alone."""

        def each() -> Tensor:
            w, b = torch.cat([gate.w for gate in gates]), torch.cat([gate.b for gate in gates])
            return self.squash(F.linear(h, w.to(h.dtype), b.to(h.dtype)))

        if self.pool == "token":
            return each()
        if self.pool == "prompt":
            # OPT's MLP reads the tokens of all rows as those of one.
            batch = len(h if self.context.hidden is None else self.context.hidden)
            owner = self if len(gates) == 1 else self.beside  # their sums in a cache are no single gate's
            return self.context.prompt_mean(owner, lambda: (s := each()).reshape(batch, -1, s.shape[-1])).to(h.dtype)
        return self.context.mean_with_padding(each()) if self.padding == "counted" else self.context.mean(each())


class TokenGate(LinearGate):
    """`g_t = s_t`: every token has its own, the same with and without a cache."""

    local = True

    def __init__(self, width: int, context: Context, per: Per = "site") -> None:
        super().__init__(width, context, "token")


class SequenceGate(LinearGate):
    """`g = mean_t s_t` over the tokens of a row, one number for all of them (UniPELT, section 3.2).

    `padding="ignored"` means over the real tokens. The released code means over the padding too, which makes a row's
    gate depend on the batch that it is in: `padding="counted"`. `fit` pads nothing, so under it both are the
    same in training.

    In a causal model the mean holds tokens that are still to be written: in training an answer leaks into the gates
    that it is predicted with, and while it is written the gates are others. That is refused, unless `future="read"`
    asks for it, to show what it does.
    """

    causal = False
    per_token = False

    def __init__(
        self,
        width: int,
        context: Context,
        per: Per = "site",
        padding: Padding = "ignored",
        future: Future = "refused",
    ) -> None:
        super().__init__(width, context, "sequence", padding)
        self.reads_future = future == "read"


class PromptGate(LinearGate):
    """`g_t = mean_s s_s` over the real tokens `s <= t` of the prompt: a running mean in it, held after its end.

    This is the sequence gate for causal models: no token sees a later one, and an answer has the gate of its whole
    prompt, both when it is given for training and when it is written token by token. While decoding with a key-value
    cache the number at the prompt's end is kept in the cache. In an encoder it is one number a row.

    The prompt ends, in this order, where `pelt_core.prompt_ends` says, before the first label of `labels`, or with the
    first tokens given to an empty cache. Without any of these, all that the model is given is the prompt. Assisted
    generation and prompt lookup give guessed tokens with the prompt: say where it ends by `pelt_core.prompt_ends`.
    """

    def __init__(self, width: int, context: Context, per: Per = "site") -> None:
        super().__init__(width, context, "prompt")


class ScalarGate(Gate):
    """`g = sigmoid(a)`: one number, whatever is read; `a = 0` at the start."""

    local = True
    per_token = False

    def __init__(self, width: int, context: Context, per: Per = "site") -> None:
        super().__init__(context)
        self.a = nn.Parameter(torch.zeros(1))  # not of zero dimensions, which FSDP cannot shard

    def forward(self, h: Tensor) -> Tensor:
        """`g`, `(1, 1, 1)`."""
        return torch.sigmoid(self.a).to(h.dtype).view(1, 1, 1)


class SoftmaxGate(LinearGate):
    """`g_i = softmax_i(pool_t relu(w_i h_t + b_i))`: the methods of one layer share a total of 1.

    The central gate of UniPELT's released code, over the methods of its brackets that are in the layer; where there is
    one alone, `g = 1`. `h` is what attention reads; `w ~ N(0, 0.02^2)` of `(methods, hidden)` and `b = 0`.

    With `hard`, at inference, all but the largest `g_i` are set to 0, and only the method that has it is computed, for
    the tokens that chose it.
    """

    causal = False
    per_token = False
    joint = True

    def __init__(
        self,
        width: int,
        context: Context,
        members: int,
        pool: Pool = "sequence",
        padding: Padding = "ignored",
        hard: bool = False,
    ) -> None:
        super().__init__(width, context, pool, padding, members)
        self.causal, self.per_token, self.hard = pool != "sequence", pool != "sequence", hard

    def squash(self, scores: Tensor) -> Tensor:
        """`relu(w_i h_t + b_i)`."""
        return torch.relu(scores)

    def forward(self, h: Tensor) -> Tensor:
        """All `g`, `(batch, tokens or 1, methods)`."""
        g = torch.softmax(super().forward(h), -1)
        if self.hard and not self.training:
            g = g * F.one_hot(g.argmax(-1), g.shape[-1])
        return g


class Share(Gate):
    """One column of a gate that reads what attention reads, whatever its delta reads; computed once a layer."""

    def __init__(self, whole: Gate, member: int = 0) -> None:
        super().__init__(whole.context)
        self.whole, self.member = whole, member
        self.causal, self.per_token, self.hard = whole.causal, whole.per_token, whole.hard

    def forward(self, h: Tensor) -> Tensor:
        """`g`, `(batch, tokens or 1, 1)`."""
        g = self.context.once(self.whole, lambda: self.whole(self.context.hidden))
        return g[..., self.member : self.member + 1]


def reads_ahead(model: nn.Module) -> bool:
    """Whether a gate of `model` depends on later tokens: what rows begin with then differs by how they go on."""
    return any(isinstance(module, Gate) and not module.causal for module in model.modules())
