"""Which of the model's own parameters a method trains where they are."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from pelt_core.sites import AnatomyError, WeightError, layers
from pelt_core.specification import Method

# The output layer of a task other than language modelling starts at random, so every method trains it.
_TASK_HEADS = ("classifier", "score", "classification_head", "qa_outputs", "multiple_choice_head")


def trained_in_place(model: PreTrainedModel, method: Method) -> set[str]:
    """The names of the model's own parameters that `method` trains.

    Raises:
        AnatomyError: for a layer that the model does not have, or `head` on a model without an output layer.
        WeightError: for a parameter that is quantised.

    """
    found = _named(model, method)
    if wrong := [name for name in sorted(found) if type(model.get_parameter(name)) is not nn.Parameter]:
        kept = type(model.get_parameter(wrong[0])).__name__
        raise WeightError(f"{wrong[0]} is kept as a {kept}, not as plain numbers that {str(method)!r} could train")
    return found


def head_parameters(model: PreTrainedModel) -> set[str]:
    """The names of the parameters of the output layer for a task other than language modelling; none without one."""
    return {name for name, _ in model.named_parameters() if name.split(".")[0] in _TASK_HEADS}


def _named(model: PreTrainedModel, method: Method) -> set[str]:
    first = method.terms[0]
    own = {name: p for name, p in model.named_parameters() if not name.startswith("pelt.")}
    head = head_parameters(model)

    def names_in(*modules: nn.Module) -> set[str]:
        inside = {id(p) for module in modules for p in module.parameters()}
        return {name for name, p in own.items() if id(p) in inside}

    if first.entry.trains == "nothing":
        return set()
    if first.entry.trains == "model":
        if first.layers is None:
            return set(own)
        return head | names_in(*(model.base_model.get_submodule(layer.path) for layer in layers(model, first.layers)))
    if first.entry.trains == "head" and not head:
        output = model.get_output_embeddings()
        if output is None:
            raise AnatomyError(f"{type(model).__name__} has no output layer, so 'head' has nothing to train")
        return names_in(output)
    return head
