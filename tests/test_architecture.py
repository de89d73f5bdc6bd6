"""The house rules that a program can check."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pelt_core"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A module imports only from those named before it.
HOUSE = [
    *("errors", "folders", "writing", "drawing", "autocast", "ranges"),
    *("anatomy", "offloading", "sites", "packing", "prompt_end", "context", "cache"),
    *("grafts", "prefixes", "prompting", "modules"),
    *("entries", "methods", "specification"),
    *("in_place", "gating", "sharing", "attachment", "recording", "starting"),
    *("folding", "merging", "checkpoint", "peft_format"),
    *("catalogue", "quiet", "tiny", "embedded", "label_loss", "classifier", "backbones", "counting"),
    *("biased_attention", "packed_attention", "unpadding"),
    *("data", "precision", "cross_entropy", "loss", "objective", "memory", "micro_batches", "parts_trainer"),
    *("resuming", "train"),
    *("best_epoch", "classify"),
    *("prefill", "decode", "sampling", "local_teacher", "scoring", "choices", "evaluate"),
    *("provenance", "study", "report", "pages", "publish", "study_page", "cli"),
]
TOP = {
    *(".ci", ".github", ".gitignore", ".pre-commit-config.yaml"),
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md"),
    *("_config.yml", "constraints.txt", "environment.yml", "pyproject.toml", "requirements-models.txt"),
    *("benchmarks", "book", "data", "notebooks", "pelt_core", "tests"),
}
LONGEST_FILE = 300  # lines
LARGEST_FILE = 3_000_000  # bytes

# A folder of one person's machine.
SOMEWHERE_ELSE = re.compile(r"(?<![\w.:/>~-])/(?:home|root|work|Users|mnt|opt|tmp)/")


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git repository")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path) for path in MODULES}


def imported(path: Path) -> Iterator[str]:
    """The project's own modules that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from (name for name in [inner if inner in NAMES else node.module] if name in NAMES)


def floor(module: str) -> int:
    part = module.split(".")[1]
    assert part in HOUSE, f"pelt_core/{part} has no place in the house: name it in HOUSE"
    return HOUSE.index(part)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_one_way(path: Path) -> None:
    module = dotted(path)
    if module == "pelt_core":
        return
    for other in imported(path):
        if other != "pelt_core":
            assert floor(other) <= floor(module), f"{module} must not import {other}"


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {dotted(path): set(imported(path)) - {dotted(path), "pelt_core"} for path in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_every_name_of_the_house_lives_there() -> None:
    assert {name.split(".")[1] for name in NAMES if "." in name} == set(HOUSE)


def test_files_are_short() -> None:
    for path in tracked():
        if path.suffix == ".py":
            lines = len(path.read_text().splitlines())
            assert lines < LONGEST_FILE, f"{path.relative_to(ROOT)} has {lines} lines: one idea a file"
        assert path.stat().st_size < LARGEST_FILE, f"{path.relative_to(ROOT)} is too large to commit"


def test_top_of_the_tree() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            assert not SOMEWHERE_ELSE.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_importing_the_package_does_nothing_else() -> None:
    done = run(
        "import os, sys, threading\n"
        "before = dict(os.environ)\n"
        "import pelt_core\n"
        "assert dict(os.environ) == before\n"
        "assert threading.active_count() == 1\n"
        "assert not {'torch', 'transformers', 'datasets', 'pandas'} & set(sys.modules)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("command", [[], ["methods"], ["run"], ["report"]])
def test_help_is_quick_because_it_imports_nothing_heavy(command: list[str]) -> None:
    done = run(
        "import sys\n"
        "from pelt_core.cli import app\n"
        "try:\n"
        f"    app({[*command, '--help']})\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
