"""Virtual tokens in front of the text."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.drawing import drawn_from
from pelt_core.offloading import device_of
from pelt_core.prompting import PromptGraft
from pelt_core.sites import Site


class Prompt(nn.Module):
    """`[P; E(x)]` in the place of the embedded text `E(x)` (Lester, Al-Rfou and Constant 2021).

    `P` is `(virtual tokens, hidden)`. It starts as N(0, 0.02^2), or with `start="vocabulary"` as the embeddings of as
    many tokens, no two the same, drawn from the whole vocabulary (section 3.2 draws from the 5,000 most common ones,
    which a model does not know). `pelt_core.start_from` lets it start from a text.
    """

    graft = PromptGraft

    def __init__(self, site: Site, tokens: int = 20, start: Literal["random", "vocabulary"] = "random") -> None:
        super().__init__()
        self.P = nn.Parameter(0.02 * torch.randn(tokens, site.d_out))
        self.from_vocabulary = start == "vocabulary"

    @property
    def tokens(self) -> int:
        """How many virtual tokens there are."""
        return len(self.P)

    @torch.no_grad()
    def start(self, embedding: nn.Module) -> None:
        """Takes `P` from the embedding of the model."""
        if self.from_vocabulary:
            size = embedding.get_parameter("weight").shape[0]
            self.start_from(embedding, torch.randperm(size)[torch.arange(self.tokens) % size])

    @torch.no_grad()
    def start_from(self, embedding: nn.Module, ids: Tensor) -> None:
        """`P = E(ids)`, for as many token ids as there are virtual tokens."""
        device = device_of(embedding)
        self.to(device).P.copy_(embedding(ids.to(device)))

    def forward(self) -> Tensor:
        """`P`."""
        return self.P


class IntrinsicPrompt(nn.Module):
    """`P = Dec(v)` with `Dec(v) = W2 tanh(W1 v + b1) + b2`: only `v` is trained (Qin et al. 2021).

    `v` is `(dimension,)` and starts as N(0, 0.02^2); `W1` is `(hidden, dimension)`, `W2` is `(virtual tokens * hidden,
    hidden)`. The decoder is that of an autoencoder of prompts trained for other tasks, see `fit_decoder` and
    `pelt_core.use_decoder`; before that it is drawn as torch draws linear maps. It is frozen, and saved with `v`.
    Once trained, `pelt_core.fold` keeps `P` alone.
    """

    graft = PromptGraft
    folds_to = "prompt"

    def __init__(self, site: Site, tokens: int = 20, dimension: int = 10) -> None:
        super().__init__()
        self.site, self.tokens = site, tokens
        self.v = nn.Parameter(0.02 * torch.randn(dimension))
        for name, value in _tensors(_decoder(dimension, site.d_out, tokens)).items():
            self.register_buffer(name, value)

    @property
    def decoder(self) -> dict[str, Tensor]:
        """`W1`, `b1`, `W2` and `b2`."""
        return dict(self.named_buffers())

    def forward(self) -> Tensor:
        """`P`, `(virtual tokens, hidden)`."""
        W1, b1, W2, b2 = self.decoder.values()
        return F.linear(torch.tanh(F.linear(self.v, W1, b1)), W2, b2).view(self.tokens, -1)

    def fold(self) -> Prompt:
        """The prompt that is decoded."""
        plain = Prompt(self.site, self.tokens)
        plain.P = nn.Parameter(self().detach().clone())
        return plain


def fit_decoder(
    prompts: Tensor, dimension: int = 10, *, steps: int = 2000, learning_rate: float = 1e-3, seed: int = 0
) -> dict[str, Tensor]:
    """The decoder of an autoencoder of trained prompts, `P ~ Dec(Enc(P))` (Qin et al. 2021).

    `Enc` is one linear map to `(dimension,)`, `Dec` as in `IntrinsicPrompt`. Adam makes the mean of
    `(P - Dec(Enc(P)))^2` small, over all prompts at each step. The paper adds the loss of each task under the decoded
    prompt, which takes the tasks' data: it is left out here.

    Args:
        prompts: the prompts of several tasks, `(prompts, virtual tokens, hidden)`.
        dimension: of the space that the decoder decodes from.
        steps: of Adam.
        learning_rate: of Adam.
        seed: of the start values.

    Returns:
        `W1`, `b1`, `W2` and `b2`, for `pelt_core.use_decoder`.

    """
    _, tokens, hidden = prompts.shape
    flat = prompts.detach().float().flatten(1)
    with drawn_from(seed):
        encoder, decoder = nn.Linear(tokens * hidden, dimension), _decoder(dimension, hidden, tokens)
    coder = nn.Sequential(encoder, decoder).to(flat.device)
    adam = torch.optim.Adam(coder.parameters(), learning_rate)
    with torch.enable_grad():
        for _ in range(steps):
            adam.zero_grad()
            F.mse_loss(coder(flat), flat).backward()
            adam.step()
    return _tensors(decoder)


def _decoder(dimension: int, hidden: int, tokens: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dimension, hidden), nn.Tanh(), nn.Linear(hidden, tokens * hidden))


def _tensors(decoder: nn.Sequential) -> dict[str, Tensor]:
    return {name: p.detach() for name, p in zip(("W1", "b1", "W2", "b2"), decoder.parameters(), strict=True)}
