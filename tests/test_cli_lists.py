"""What there is to choose from: methods, backbones, and what a method would train."""

import json

import pytest
from test_cli import pelt

from pelt_core.methods import GATES, METHODS, RECIPES


def test_methods_as_json():
    rows = {row["name"]: row for row in json.loads(pelt("methods", "--json").stdout)}
    assert rows["lora"]["arguments"] == ["rank=8", "alpha=16.0", "dropout=0.0", "scaling=rank"]
    assert "q" in rows["lora"]["allowed_positions"]
    assert rows["lora"]["mergeable"] and not rows["series"]["mergeable"]
    assert rows["sequence"]["kind"] == "gate" and not rows["sequence"]["causal"]
    assert rows["houlsby"]["specification"] == "series@attn,mlp"
    assert "parameters" not in rows["lora"]


def test_methods_on_a_backbone():
    rows = {row["name"]: row for row in json.loads(pelt("methods", "--backbone", "tiny-llama", "--json").stdout)}
    assert rows["lora"]["parameters"] == 2 * 8 * (32 + 32 + 32 + 16)
    assert set(METHODS) | set(GATES) | set(RECIPES) == set(rows)
    refused = [row for row in rows.values() if row["kind"] != "gate" and row["parameters"] is None]
    assert all(row["not_here"] for row in refused)
    shown = pelt("methods", "--backbone", "tiny-llama").stdout
    assert "Gates" in shown and "Recipes" in shown and "parameters" in shown


def test_params_of_the_papers():
    spec = "lora(rank=32,alpha=64)@q,k,v,up,down"
    counted = json.loads(pelt("params", "--backbone", "llama-7b", "--method", spec, "--json").stdout)
    assert counted["backbone_parameters"] == 6_738_415_616
    assert counted["parameters"] == 56_098_816 == sum(part["parameters"] for part in counted["parts"])
    assert counted["percent_of_all"] == pytest.approx(0.826, abs=5e-4)
    assert [part["position"] for part in counted["parts"]] == ["q", "k", "v", "up", "down"]
    assert counted["parts"][0]["sites"] == 32


def test_params_for_people():
    done = pelt("params", "--backbone", "bert-base", "--method", "sequence*[lora+prefix]")
    assert done.stdout.startswith("sequence*[lora@q,v+prefix@kv] on bert-base, 109,482,240 parameters\n")
    assert "gates" in done.stdout and "184,320" in done.stdout
    assert "beside them 1,538 of the new task head" in done.stderr


def test_backbones_as_json():
    rows = {row["name"]: row for row in json.loads(pelt("backbones", "--json").stdout)}
    assert rows["smollm2-135m"]["parameters"] == 134_515_008
    assert "134,515,008" in pelt("backbones").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["params", "-b", "tiny-llama", "-m", "lorra"], "no method 'lorra'; did you mean 'lora'? there are series"),
        (["params", "-b", "lama-7b", "-m", "lora"], "did you mean 'llama-7b'?"),
        (["params", "-b", "tiny-llama", "-m", "lora@pooler"], "'lora' cannot sit at 'pooler'; it may sit at"),
        (["params", "-b", "tiny-llama", "-m", "sequence*lora"], "a causal model may not see: choose one of"),
        (["methods", "-b", "lama-7b"], "did you mean 'llama-7b'?"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_what_is_right(arguments, message):
    done = pelt(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
