"""The page on methods is the catalogue: what it says of each row, and where it draws it."""

import re
from xml.etree import ElementTree

import pelt_generated
import pelt_methods
import pytest
from pelt_drawing import POST_NORM, Mark, draw

from pelt_core import publish
from pelt_core.counting import count_named
from pelt_core.methods import GATES, METHODS, RECIPES, Entry
from pelt_core.report.style import DARK, HUES, LIGHT
from pelt_core.specification import parse

REFERENCES = (publish.ROOT / "book" / "references.bib").read_text()
TOLD = pelt_methods.TOLD


@pytest.fixture(scope="module")
def page():
    return pelt_generated.fill((publish.ROOT / "book" / "methods.md").read_text())


@pytest.mark.parametrize("name", METHODS)
def test_each_method_is_told_of_and_cited(name):
    told = TOLD["methods"].get(name)
    assert told, f"book/methods.yml has no entry for the method {name!r}: title, equation, cost, text, label, shape"
    assert {"title", "equation", "cost", "text"} <= set(told)
    assert f"{{{METHODS[name].paper}," in REFERENCES or not METHODS[name].paper, "add the paper to book/references.bib"
    assert pelt_methods.kind_of(name)


@pytest.mark.parametrize("name", GATES)
def test_each_gate_is_told_of_and_cited(name):
    assert {"title", "equation", "text"} <= set(TOLD["gates"].get(name, {})), f"book/methods.yml has no gate {name!r}"
    assert f"{{{GATES[name].paper}," in REFERENCES


def test_nothing_is_told_of_that_is_not_there():
    assert set(TOLD["methods"]) <= set(METHODS)
    assert set(TOLD["gates"]) <= set(GATES)
    assert set(TOLD["recipes"]) <= set(RECIPES)


def test_the_page_has_every_row_with_its_code_and_its_size(page):
    for name, entry in METHODS.items():
        section = page.partition(f"(sec-{name})=")[2].partition("\n(sec-")[0]
        assert f"(eq-{name})" in section and "<svg" in section
        assert entry.module is None or f"class {entry.module.__name__}" in section
        assert entry.module is None or f"`{entry.module.__name__}`" in section
    assert "294,912 (0.27\N{NO-BREAK SPACE}%) on BERT-base" in page
    assert f"{count_named('llama-7b', 'lora').own:,} (0.062\N{NO-BREAK SPACE}%) on LLaMA-7B" in page
    assert all(f"(gate-{name})=" in page for name in GATES)
    assert all(f"| `{name}` |" in page for name in RECIPES)


def test_a_new_row_has_a_place_on_the_page_before_anybody_tells_of_it(monkeypatch):
    lora = METHODS["lora"]
    row = Entry(
        lora.module, "y' = y + c", "hu2022lora", "a change", positions=("q",), allowed=("q", "k"), mergeable=True
    )
    monkeypatch.setitem(METHODS, "newest", row)
    section = pelt_methods.methods().partition("(sec-newest)=")[2].partition("\n(sec-")[0]
    assert "### `newest`" in section and "`y' = y + c`" in section and "a change" in section
    assert "newest(rank=8" in section and "{cite:t}`hu2022lora`" in section and ">δ</text>" in section


def test_a_file_of_modules_without_a_kind_is_named(monkeypatch):
    monkeypatch.setattr(METHODS["lora"].module, "__module__", "pelt_core.modules.nowhere")
    with pytest.raises(LookupError, match=r"no kind in book/methods.yml has the file 'nowhere' of the method 'lora'"):
        pelt_methods.kind_of("lora")


@pytest.mark.parametrize("name", [name for name in METHODS if name != "none"])
def test_a_drawing_is_whole_and_of_one_colour(name):
    drawing = pelt_methods.drawing(name, "A method")
    root = ElementTree.fromstring(drawing)
    assert root.get("role") == "img" and "A method" in root.get("aria-label")
    assert set(re.findall(r"#[0-9a-f]{6}", drawing)) == {pelt_methods.colour_of(name)}
    assert pelt_methods.colour_of(name) == HUES.get(name, pelt_methods.colour_of(name))


def test_a_gate_and_every_place_are_drawn():
    gated = pelt_methods.drawing("token*[lora@q,v+series@mlp]", "x")
    assert gated.count(">g</text>") == 3 and gated.count(">BA</text>") == 2 and gated.count(">B(y)</text>") == 1
    assert "<tspan font-style='italic'>gate</tspan>" in gated
    encoder = pelt_methods.drawing("sequence*lora@q,v", "x")
    assert "<tspan font-style='italic'>gate</tspan>" not in encoder, "what a LLaMA refuses is drawn in BERT"
    mark = Mark(("attn_norm", "mlp_norm"), "#123456", "B", "tag", "x")
    assert draw([mark], "x", POST_NORM).count(">B</text>") == 2


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    high, low = sorted((light(one), light(other)), reverse=True)
    return high / low


@pytest.mark.parametrize("kind", TOLD["kinds"], ids=lambda kind: kind["name"])
def test_the_colour_of_a_kind_reads_on_light_and_on_dark(kind):
    assert min(contrast(kind["colour"], ground) for ground in (LIGHT, DARK)) > 3.8


def test_recipes_are_written_as_the_grammar_has_it():
    for spec in RECIPES.values():
        assert parse(spec)


def test_an_unknown_mark_is_refused():
    with pytest.raises(Exception, match="nothing is generated by the name of 'nonsense'; there are methods-overview"):
        pelt_generated.fill("<!-- pelt: nonsense -->")
