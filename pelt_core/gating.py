"""Which gate a graft gets: one of its own, its method's, or its share of one that weighs all methods of the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from torch import nn
from transformers import PreTrainedModel

from pelt_core.anatomy import KEYS_VALUES
from pelt_core.context import Context
from pelt_core.errors import PeltError
from pelt_core.methods import GATES
from pelt_core.modules.gates import Gate, LinearGate, Share
from pelt_core.prompt_end import PromptEnd
from pelt_core.sites import Site, layers
from pelt_core.specification import GateTerm, Term

_READ_WHAT_ATTENTION_READS = ("q", "k", "v", KEYS_VALUES)


class GateError(PeltError, ValueError):
    """A gate where it makes no sense."""


class Gating:
    """Makes the gates of one group of terms on one model.

    Args:
        model: that the gates look at.
        kind: of the gates; `None` for a group without one.
        places: term -> the sites that it sits at.
        contexts: `"layer"` -> what the gates of that layer need to know; filled with what is missing.
        prompt: where the prompts end.

    """

    def __init__(
        self,
        model: PreTrainedModel,
        kind: GateTerm | None,
        places: Mapping[Term, list[Site]],
        contexts: nn.ModuleDict,
        prompt: PromptEnd,
    ) -> None:
        self._model, self._kind, self._places, self._contexts, self._prompt = model, kind, places, contexts, prompt
        self._of_a_layer: dict[tuple[int, Term | None], Any] = {}
        self._beside: dict[int, list[LinearGate]] = {}

    def gate(self, term: Term, site: Site, delta: nn.Module) -> nn.Module | None:
        """The gate in front of `delta` at `site`; `None` for a group without one.

        Raises:
            GateError: outside of the layers, or where the gate would see later tokens or what is not yet there.

        """
        kind = self._kind
        if kind is None:
            return None
        if site.layer is None:
            raise self._outside(term, site)
        make: Any = kind.entry.module
        arguments = dict(kind.arguments)
        context, hidden = self._context(site.layer), self._model.config.hidden_size
        if make.joint:
            members = self._members(site.layer)
            gate = self._once(site.layer, None, lambda: make(hidden, context, len(members), **arguments))
            gate = Share(gate, members.index(term))
        elif arguments["per"] == "submodule" and len(term.positions) > 1:
            gate = Share(self._once(site.layer, term, lambda: make(hidden, context, **arguments)))
        else:
            reads_y = getattr(delta, "reads", "x") == "y"
            gate = make(site.d_out if reads_y else site.d_in, context, **arguments)
            if isinstance(gate, LinearGate) and site.position in _READ_WHAT_ATTENTION_READS and not reads_y:
                gate.beside = self._beside.setdefault(site.layer, [])
                gate.beside.append(gate)
        self._check(gate, str(kind), site)
        return cast(nn.Module, gate)

    def _members(self, layer: int) -> list[Term]:
        """The terms that sit in a layer: a share of one that does not would be lost."""
        return [term for term, places in self._places.items() if any(site.layer == layer for site in places)]

    def _outside(self, term: Term, site: Site) -> GateError:
        assert self._kind is not None
        gate, layered = self._kind.entry.module, [each for each in self._places[term] if each.layer is not None]
        inside = ",".join(dict.fromkeys(each.position for each in layered if not _too_early(gate, each)))
        mend = f"name its positions inside of them, {term.name}@{inside}, or leave it" if inside else "leave it"
        return GateError(
            f"{term.name!r} at {site.position!r} is outside of the layers, where no gate can be: {mend} outside of the "
            "brackets, without a gate"
        )

    def _once(self, layer: int, term: Term | None, make: Callable[[], Any]) -> Any:
        """The gate of a layer, or of one term in it, made when it is first asked for."""
        if (layer, term) not in self._of_a_layer:
            self._of_a_layer[layer, term] = make()
        return self._of_a_layer[layer, term]

    def _context(self, layer: int) -> Context:
        if str(layer) not in self._contexts:
            self._contexts[str(layer)] = Context(layers(self._model, [layer])[0], self._prompt)
        return cast(Context, self._contexts[str(layer)])

    def _check(self, gate: Gate, kind: str, site: Site) -> None:
        if site.stack.causal and not (gate.causal or gate.reads_future):
            able = ", ".join(name for name, entry in GATES.items() if entry.module.causal)
            raise GateError(
                f"the gate {kind!r} of a token depends on the tokens after it, which a causal model may not see: "
                f"choose one of {able}, and for softmax pool=prompt or pool=token"
            )
        if _too_early(gate, site):
            able = ", ".join(name for name, entry in GATES.items() if entry.module.local)
            raise GateError(
                f"the gate {kind!r} looks at what attention is given, and here {site.position!r} comes before it: "
                f"choose one of {able}"
            )


def _too_early(gate: Gate | type[Gate], site: Site) -> bool:
    """Whether a site comes before what attention is given, which all gates but those of a token alone look at."""
    return not gate.local and site.position == "attn_norm" and not site.stack.post_norm
