"""Folders that do not hold what PEFT writes."""

import json
from pathlib import Path

import models
import pytest
from safetensors.torch import save_file

from pelt_core.peft_format.folders import load_peft, save_peft
from pelt_core.peft_format.kinds import PeftFormatError


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_file_that_was_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    save_peft(models.grown("llama", "lora@q"), tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-20])
    with pytest.raises(PeftFormatError, match="cannot be read, it may not have been written to its end"):
        load_peft(models.tiny("llama"), tmp_path)


@pytest.mark.parametrize(("spec", "lacking"), [("lora@q", "lora_alpha"), ("prefix(tokens=2)", "num_virtual_tokens")])
def test_settings_that_lack_something_are_refused(spec: str, lacking: str, tmp_path: Path) -> None:
    save_peft(models.grown("llama", spec), tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    del config[lacking]
    model = models.tiny("llama")
    for said, complaint in ((config, f"lacks {lacking}, which a "), ([], "adapter_config.json holds no settings")):
        (tmp_path / "adapter_config.json").write_text(json.dumps(said))
        with pytest.raises(PeftFormatError, match=complaint):
            load_peft(model, tmp_path)
    assert not hasattr(model, "pelt")


@pytest.mark.parametrize("spec", ["prefix(tokens=2)", "prompt(tokens=2)"])
def test_virtual_tokens_that_are_not_there_are_named(spec: str, tmp_path: Path) -> None:
    save_peft(models.grown("llama", spec), tmp_path)
    save_file({}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(PeftFormatError, match="lacks prompt_embeddings, which a P.*_TUNING of PEFT has"):
        load_peft(models.tiny("llama"), tmp_path)


def test_a_folder_that_is_not_peft_s_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PeftFormatError, match="has no adapter_config.json and no adapter_model.safetensors: give one"):
        load_peft(models.tiny("llama"), tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    save_file({}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(PeftFormatError, match="^no method here is PEFT's None; there are LORA"):
        load_peft(models.tiny("llama"), tmp_path)
