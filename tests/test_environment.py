"""The four files that say what is installed say the same, and the code imports only what they name."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import pelt_core
from pelt_core import embedded

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lines(name: str) -> list[str]:
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def requirements(*groups: list[str]) -> dict[str, SpecifierSet]:
    parsed = [Requirement(line) for group in groups for line in group]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in parsed}


OPTIONAL = "gemma"
"""The extra that no environment installs."""
EXTRAS = {extra: names for extra, names in PROJECT["optional-dependencies"].items() if extra != OPTIONAL}
DECLARED = requirements(PROJECT["dependencies"], *EXTRAS.values())
PINNED = requirements(lines("constraints.txt"))


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_pin_is_allowed_and_installed(name: str) -> None:
    (pin,) = PINNED[name]
    assert pin.operator == "=="
    assert pin.version in DECLARED[name]
    assert importlib.metadata.version(name).split("+")[0] == pin.version


def test_pins_are_exact_and_from_nowhere_in_particular() -> None:
    for line in lines("constraints.txt"):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line


def test_model_wheels_are_those_that_the_code_looks_for() -> None:
    named = dict(line.split(" --hash=sha256:") for line in lines("requirements-models.txt"))
    assert set(named) == {embedded.SMOLLM2_WHEEL, embedded.MINILM_WHEEL}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in named.values())
    assert not {requirement.split("==")[0] for requirement in named} & (set(DECLARED) | set(PINNED))


def test_the_optional_model_is_pinned_where_it_is_asked_for_and_nowhere_else() -> None:
    assert PROJECT["optional-dependencies"][OPTIONAL] == [embedded.GEMMA3_WHEEL]
    name, _ = embedded.GEMMA3_WHEEL.split("==")
    assert not [pin for pin in (*PINNED, *DECLARED, *lines("requirements-models.txt")) if pin.startswith(name)]


def test_conda_environment_installs_the_same() -> None:
    python, pip, from_pypi = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert python.removeprefix("python=") + ".0" in SpecifierSet(PROJECT["requires-python"])
    assert pip == "pip"
    assert from_pypi["pip"] == ["-c constraints.txt", f"-e .[{','.join(EXTRAS)}]"]


def test_makefile_installs_the_same() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (torch_pin,) = PINNED["torch"]
    assert f"install -c constraints.txt torch=={torch_pin.version}\n" in makefile
    assert f"install -c constraints.txt -e '.[{','.join(EXTRAS)}]'\n" in makefile
    assert "install --no-deps --require-hashes -r requirements-models.txt\n" in makefile


def test_package_imports_only_what_it_declares() -> None:
    provided_by = importlib.metadata.packages_distributions()
    allowed = set(requirements(PROJECT["dependencies"], PROJECT["optional-dependencies"]["book"]))
    for path in (ROOT / "pelt_core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            else:
                continue
            for top in {name.split(".")[0] for name in names} - {"pelt_core", *sys.stdlib_module_names}:
                owners = {canonicalize_name(owner) for owner in provided_by.get(top, [])}
                assert owners & allowed, f"{path.relative_to(ROOT)} imports {top}, which pyproject.toml does not name"


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == pelt_core.__version__
    assert citation["license"] == PROJECT["license"]
    newest = re.search(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest[1] in (pelt_core.__version__, "Unreleased")
