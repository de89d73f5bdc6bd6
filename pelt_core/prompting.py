"""How virtual tokens get in front of the text, and out of what the model gives."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.sites import Site


class PromptError(PeltError, ValueError):
    """A batch that virtual tokens cannot be put in front of."""


class PromptGraft(Graft):
    """Reads `[P; E(x)]` in the place of `E(x)`, with `P = delta()` of `(virtual tokens, hidden)`.

    The model is given that many token ids more, which mean nothing: their embeddings are replaced by `P`. So it makes
    masks and counts positions as for any text, whose own positions come after those of the virtual tokens, and its
    cache holds their keys and values. What it gives back, `last_hidden_state` and `hidden_states`, is that of the text
    alone; a pooler reads the first token of the text; attention weights show all tokens.

    A sliding window counts what is between them and the text: padded on the left, a text that is longer than the window
    loses sight of them earlier than without padding.

    Of an encoder-decoder the encoder is prompted, and its decoder sees what became of the virtual tokens as well.
    """

    def __init__(self, site: Site, delta: nn.Module, gate: nn.Module | None = None) -> None:
        super().__init__(site, delta, gate)
        self._arguments: list[str] = []
        self._no_padding = 0
        self._front = 0  # virtual tokens in the batch at work: none where a cache holds them already
        self._text: int | None = None  # tokens that the embedding at work will find behind the virtual ones

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft around the model and into its embedding; the handles take it out again."""
        reader: Any = base.get_submodule(self.site.stack.reader)
        self._arguments = list(inspect.signature(reader.forward).parameters)
        self._no_padding = int(reader.config.pad_token_id == 0)
        handles = [
            reader.register_forward_pre_hook(self._lengthen, with_kwargs=True),
            base.get_submodule(self.site.write.path).register_forward_hook(self._fill),
            reader.register_forward_hook(self._check_filled),
        ]
        if self.site.stack.name:
            decoder = base.get_submodule("decoder")
            handles.append(decoder.register_forward_pre_hook(self._show, with_kwargs=True))
        else:
            handles.append(reader.register_forward_hook(self._shorten))
        if getattr(reader, "pooler", None) is not None:
            handles.append(reader.pooler.register_forward_pre_hook(self._shorten_input))
        return [*handles, reader.register_forward_hook(self._clear, always_call=True)]

    @property
    def _length(self) -> int:
        return cast(Any, self.delta).tokens

    def _lengthen(
        self, reader: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = dict(zip(self._arguments, args, strict=False)) | kwargs
        cache, mask, positions = (given.get(name) for name in ("past_key_values", "attention_mask", "position_ids"))
        length = self._length
        begins = cache is None or cache.get_seq_length() == 0
        self._front, self._text = length if begins else 0, None
        if getattr(cache, "is_compileable", False):
            raise PromptError(
                "a prompt's keys and values are kept in the cache with the text's, and a cache of fixed size is made "
                "for the text alone: take the default one, without cache_implementation"
            )
        if mask is not None:
            given["attention_mask"] = self._seen(mask)
        if (packing := given.get("packing")) is not None:
            given["packing"] = packing.lengthened(length)
        if positions is not None:
            before = torch.arange(self._front, device=positions.device).expand(len(positions), -1)
            given["position_ids"] = torch.cat([before, positions + length], 1)
        if (kinds := given.get("token_type_ids")) is not None:
            given["token_type_ids"] = F.pad(kinds, (self._front, 0))
        if (ids := given.get("input_ids")) is not None:
            given["input_ids"] = F.pad(ids, (self._front, 0), value=self._no_padding)
            self._text = ids.shape[1] if begins else None
        elif (embeddings := given.get("inputs_embeds")) is not None and begins:
            given["inputs_embeds"] = torch.cat([self._prompt(embeddings), embeddings], 1)
        self._check_room(reader, given)
        return (), given

    def _check_room(self, reader: Any, given: dict[str, Any]) -> None:
        """That a model which has learnt its positions has one for each token, the virtual ones included."""
        if not (counted := self.site.stack.table):
            return
        text = given["input_ids"] if given.get("input_ids") is not None else given["inputs_embeds"]
        cache, mask, positions = (given.get(name) for name in ("past_key_values", "attention_mask", "position_ids"))
        used = text.shape[1] + (0 if cache is None else cache.get_seq_length())
        room = reader.config.max_position_embeddings
        if counted == "tokens from padding":
            room -= reader.config.pad_token_id + 1
        if used > room and positions is not None:
            used = int(positions.max()) + 1
        elif used > room and mask is not None and counted != "columns":
            used = int(mask.sum(1).max())
        if used > room:
            raise PromptError(
                f"{used} tokens, of which {self._length} are virtual, do not fit into the {room} positions that "
                f"the model has: virtual tokens count against max_position_embeddings, so cut the text to "
                f"{room - self._length} tokens or take fewer virtual ones"
            )

    def _seen(self, mask: Any) -> Tensor:
        """The mask of the text, and of virtual tokens in front of it that every token sees."""
        if not isinstance(mask, Tensor) or mask.dim() != 2:
            raise PromptError("a prompt needs the attention mask as (batch, tokens), 1 on text and 0 on padding")
        return F.pad(mask, (self._length, 0), value=1)

    def _prompt(self, like: Tensor) -> Tensor:
        """`P` for each row of the batch, in the type of the embeddings."""
        prompt: Tensor = self.delta()
        return prompt.to(like.dtype).expand(len(like), -1, -1)

    def _fill(self, embedding: nn.Module, args: tuple[Any, ...], y: Tensor) -> Tensor | None:
        if self._text is None:
            return None
        # Counted from the right: another method's virtual tokens may be in front of these.
        end, self._text = y.shape[1] - self._text, None
        return torch.cat([y[:, : end - self._front], self._prompt(y), y[:, end:]], 1)

    def _check_filled(self, reader: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self._text is not None:
            raise PromptError(
                "the model's embedding was replaced since the prompt was attached, as resize_token_embeddings does in "
                "some families: detach it; resize first, then attach"
            )

    def _shorten(self, reader: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, tuple):
            return _behind(output, self._front)
        for name, value in list(output.items()):
            output[name] = _behind(value, self._front)
        return output

    def _clear(self, reader: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self._front, self._text = 0, None

    def _shorten_input(self, pooler: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (args[0][:, self._front :], *args[1:])

    def _show(
        self, decoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if (mask := kwargs.get("encoder_attention_mask")) is not None:
            kwargs = kwargs | {"encoder_attention_mask": self._seen(mask)}
        return args, kwargs


def _behind(value: Any, front: int) -> Any:
    """The hidden states behind the first `front` ones, of a tensor or of a tuple of them; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_behind(part, front) for part in value)
    return value[:, front:] if isinstance(value, Tensor) and value.dim() == 3 else value
