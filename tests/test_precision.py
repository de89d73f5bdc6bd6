"""Number formats: what is cast, what is not, and that the fast fp32 is only taken where it is exact."""

import pytest
import torch
from models import stir, tiny
from torch import nn

from pelt_core import precision
from pelt_core.attachment import attach
from pelt_core.precision import PrecisionError, backbone_in, cast_backbone, fast_fp32


@pytest.fixture
def onednn():
    settings = torch.backends.mkldnn.matmul
    before = settings.fp32_precision
    settings.fp32_precision = "none"  # a run that was tested before may have chosen
    yield settings
    settings.fp32_precision = before


def formats(model) -> tuple[set[torch.dtype], set[torch.dtype]]:
    own, grown = set(), set()
    for name, p in model.named_parameters():
        (grown if name.startswith("pelt.") else own).add(p.dtype)
    return own, grown


def test_only_the_frozen_backbone_is_cast():
    model = tiny("llama")
    attach(model, "lora@q,v+prefix(tokens=2)")
    cast_backbone(model, torch.bfloat16)
    assert formats(model) == ({torch.bfloat16}, {torch.float32})


def test_frozen_modules_are_not_cast_either():
    model = tiny("llama")
    attach(model, "lora@q,v")
    model.pelt.requires_grad_(False)
    cast_backbone(model, torch.bfloat16)
    assert formats(model) == ({torch.bfloat16}, {torch.float32})


def test_what_trains_as_a_whole_stays_in_fp32():
    model = tiny("llama")
    attach(model, "full")
    cast_backbone(model, torch.bfloat16)
    assert formats(model)[0] == {torch.float32}


def test_a_backbone_that_trains_in_part_is_refused():
    model = tiny("llama")
    attach(model, "head")
    with pytest.raises(PrecisionError, match="fp32"):
        cast_backbone(model, torch.bfloat16)
    assert formats(model)[0] == {torch.float32}
    cast_backbone(model, torch.float32)


@pytest.mark.parametrize("method", ["none", "lora@q,v", "full"])
def test_from_bf16_to_fp32_and_back_is_exact(method):
    model = tiny("llama").to(torch.bfloat16)
    attach(model, method)
    stir(model)
    before = {name: p.clone() for name, p in model.named_parameters()}
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    with backbone_in(model, torch.float32):
        for name, p in model.named_parameters():
            assert torch.equal(p, before[name].float())
            assert p.dtype is torch.float32 or name in trained
    for name, p in model.named_parameters():
        assert p.dtype is before[name].dtype and torch.equal(p, before[name])


def test_the_format_comes_back_after_a_failure():
    model = tiny("llama").to(torch.bfloat16)
    attach(model, "lora@q,v")
    with pytest.raises(RuntimeError), backbone_in(model, torch.float32):
        raise RuntimeError
    assert formats(model)[0] == {torch.bfloat16}


def test_the_default_library_stays_where_it_is_as_fast(onednn, monkeypatch):
    monkeypatch.setattr(precision, "_amd", lambda: False)
    assert fast_fp32() is False
    assert onednn.fp32_precision == "none"


def test_the_faster_library_is_taken_if_exact(onednn, monkeypatch):
    monkeypatch.setattr(precision, "_amd", lambda: True)
    product = nn.functional.linear
    monkeypatch.setattr(nn.functional, "linear", lambda x, w: product(x.double(), w.double()).float())
    assert fast_fp32() is torch.backends.mkldnn.is_available()
    assert (onednn.fp32_precision == "bf16") is torch.backends.mkldnn.is_available()


def test_a_library_that_rounds_is_not_taken(onednn, monkeypatch):
    monkeypatch.setattr(precision, "_amd", lambda: True)
    product = nn.functional.linear
    monkeypatch.setattr(nn.functional, "linear", lambda x, w: product(x.bfloat16(), w.bfloat16()).float())
    assert fast_fp32() is False
    assert onednn.fp32_precision == "none"
