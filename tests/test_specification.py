from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelt_core.methods import GATES, METHODS, RECIPES
from pelt_core.ranges import Range
from pelt_core.specification import GateTerm, Group, Method, MethodError, Term, parse

CANONICAL = {
    "lora": "lora@q,v",
    "lora()": "lora@q,v",
    "lora(rank=8,alpha=16)": "lora@q,v",
    "lora(alpha=64, rank=32) @ q, k, v, up, down": "lora(rank=32,alpha=64)@q,k,v,up,down",
    "lora@down,v,q": "lora@q,v,down",
    "lora(alpha=16.5,dropout=.05)@q": "lora(alpha=16.5,dropout=0.05)@q",
    "lora(alpha=1e+2)@q": "lora(alpha=100)@q",
    "lora(alpha=1.23456789)@q": "lora(alpha=1.23456789)@q",
    "series": "series@attn,mlp",
    "series@mlp,attn": "series@attn,mlp",
    "series(activation=gelu,bottleneck=256)@mlp": "series(bottleneck=256,activation=gelu)@mlp",
    "parallel": "parallel@mlp",
    "parallel(scale=4)@attn:3": "parallel(scale=4)@attn:3",
    "parallel@mlp:0-3,7": "parallel@mlp:0,1,2,3,7",
    "parallel@mlp:2,0,2": "parallel@mlp:0,2",
    "parallel:1": "parallel@mlp:1",
    "prefix(tokens=3)": "prefix(tokens=3)@kv",
    "prefix + lora(alpha=1e+2) + series@mlp:1": "prefix@kv+lora(alpha=100)@q,v+series@mlp:1",
    "lora@q:0+lora(rank=2)@q:1+lora@v": "lora@q:0+lora(rank=2)@q:1+lora@v",
    "lora@linears": "lora@linears",
    "lora@v:last1": "lora@v:last1",
    "series(bias=false)": "series(bias=false)@attn,mlp",
    "full": "full",
    "full:1-2": "full:1,2",
    "head": "head",
    "none": "none",
    "token * lora": "token*lora@q,v",
    "sequence(padding=counted)*[lora+prefix]": "sequence(padding=counted)*[lora@q,v+prefix@kv]",
    "token*[lora]+token*prefix": "token*[lora@q,v+prefix@kv]",
    "softmax*lora+softmax*prefix": "softmax*lora@q,v+softmax*prefix@kv",
    "lora+token*prefix+series": "lora@q,v+token*prefix@kv+series@attn,mlp",
    "houlsby+prefix": "series@attn,mlp+prefix@kv",
}

WRONG = {
    "": ["cannot read ''", "lora(rank=32,alpha=64)@q,v:0-5"],
    "lora@": ["cannot read 'lora@'", "name(argument=value,...)@positions:layers"],
    "lora+": ["cannot read ''"],
    "lora(rank=4": ["'lora(rank=4' lacks a ')'"],
    "lora rank=4)": ["lacks a '('"],
    "lorra": ["no method 'lorra'", *METHODS],
    "Lora": ["no method 'Lora'", *METHODS],
    "lora(r=3)": ["'lora' has no argument 'r'", "rank=8, alpha=16, dropout=0, scaling=rank"],
    "lora(3)": ["'lora' has no argument '3'", "rank=8, alpha=16, dropout=0, scaling=rank"],
    "full(rank=3)": ["'full' has no argument 'rank'", "none"],
    "lora(rank=4,rank=8)": ["lora: rank is said twice"],
    "lora(rank=x)": ["lora: rank='x' is not a whole number"],
    "lora(rank=2.5)": ["lora: rank='2.5' is not a whole number"],
    "lora(rank=0)": ["lora: rank=0 is out of range", "1 to inf"],
    "lora(alpha=big)": ["lora: alpha='big' is not a number"],
    "lora(alpha=nan)": ["lora: alpha=nan is out of range"],
    "lora(alpha=inf)": ["lora: alpha=inf is out of range"],
    "lora(dropout=1)": ["lora: dropout=1 is out of range", "0 to 0.99"],
    "lora(alpha=0)": ["lora: alpha=0 is out of range (above 0)"],
    "series(scale=-1)": ["series: scale=-1 is out of range (above 0)"],
    "diff(l0=-1)": ["diff: l0=-1 is out of range (0 to inf)"],
    "sparse(fraction=1)": ["sparse: fraction=1 is out of range (0 to 0.99)"],
    "ladder(temperature=0)": ["ladder: temperature=0 is out of range (above 0)"],
    "series(activation=swish)": ["series: activation='swish'", "relu, gelu, tanh"],
    "lora@kv": ["'lora' cannot sit at 'kv'", "q, k, v, o, gate, up, down"],
    "lora@q,query": ["'lora' cannot sit at 'query'", "q, k, v, o, gate, up, down"],
    "prefix@q": ["'prefix' cannot sit at 'q'", "kv"],
    "series@kv": ["'series' cannot sit at 'kv'", "attn, mlp, linears, q, k, v, o, gate, up, down"],
    "none@q": ["'none' cannot sit at 'q'", "takes no position"],
    "lora@q,q": ["position is said twice"],
    "lora@q:5-2": ["cannot read the layers '5-2'", "0-5 or 0,2,4"],
    "lora@q:1,,2": ["cannot read the layers '1,,2'", "0-5 or 0,2,4"],
    "lora@q:0-999999999999": ["cannot read the layers", "0-5 or 0,2,4"],
    "lora@q:last0": ["cannot read the layers 'last0'", "last4"],
    "lora@q:-1": ["cannot read the layers '-1'", "last4"],
    "head:0": ["'head' takes no layers"],
    "lora@linears+lora@q": ["'lora' sits at 'q' twice"],
    "gates*lora": ["no gate 'gates'; there are sequence, prompt, token, scalar, softmax"],
    "token*full": ["'full' stands alone"],
    "token*": ["cannot read ''"],
    "[lora+prefix]": ["brackets follow a gate", "sequence*[lora+prefix]"],
    "token*[lora+prefix": ["'token*[lora+prefix' lacks a ']'", "sequence*[lora(rank=4)@q,v+prefix]"],
    "token*[lora": ["lacks a ']'"],
    "token*lora+prefix]": ["lacks a '['"],
    "token*[mam]": ["'mam' stands for the whole of", repr(RECIPES["mam"]), "brackets: write that out"],
    "houlsby(bottleneck=3)": ["'houlsby' stands for the whole of 'series@attn,mlp'", "takes no arguments"],
    "token*houlsby": ["'houlsby' stands for the whole of 'series@attn,mlp'"],
    "houlsby:0": ["'houlsby' stands for the whole of 'series@attn,mlp'"],
    "token(per=layer)*lora": ["token: per='layer' is not one of site, submodule"],
    "series(bias=yes)": ["series: bias='yes' is not one of true, false"],
    "houlsby+series@mlp": ["'series' sits at 'mlp' twice"],
    "full+lora": ["'full' stands alone"],
    "lora+none": ["'none' stands alone"],
    "lora@q+lora@q,v": ["'lora' sits at 'q' twice"],
    "lora@q+lora@q:0": ["'lora' sits at 'q' twice"],
    "lora@q:0+lora@q": ["'lora' sits at 'q' twice"],
    "lora@q:0-2+lora@q:2-4": ["'lora' sits at 'q' twice"],
}


@pytest.mark.parametrize(("spec", "canonical"), CANONICAL.items())
def test_a_method_has_one_canonical_specification(spec: str, canonical: str) -> None:
    assert str(parse(spec)) == canonical
    assert parse(canonical) == parse(spec)


@pytest.mark.parametrize(("spec", "said"), WRONG.items())
def test_a_wrong_specification_says_what_is_right(spec: str, said: list[str]) -> None:
    with pytest.raises(MethodError) as caught:
        parse(spec)
    assert isinstance(caught.value, ValueError)
    for words in said:
        assert words in str(caught.value)


def test_what_a_specification_means() -> None:
    method = parse("prefix(tokens=3)+scalar*[lora(rank=4)@q,v:0-1,5+series@mlp:last2]")
    prefix = Term("prefix", (("tokens", 3),), ("kv",))
    lora = Term("lora", (("rank", 4), ("alpha", 16.0), ("dropout", 0.0), ("scaling", "rank")), ("q", "v"), (0, 1, 5))
    series = Term("series", tuple(METHODS["series"].defaults.items()), ("mlp",), (-2, -1))
    gate = GateTerm("scalar", (("per", "site"),))
    assert method == Method((Group((prefix,)), Group((lora, series), gate)))
    assert method.terms == (prefix, lora, series)
    assert method.positions == ("kv", "q", "v", "mlp")
    assert parse("series@attn,mlp:0+lora@q+parallel@mlp").positions == ("attn", "mlp", "q")


def values(hint: Any, valid: Range | None) -> st.SearchStrategy[str]:
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if hint is int:
        return st.integers(1, 10**6).map(str)
    if hint is bool:
        return st.sampled_from(["true", "false"])
    assert valid is not None
    numbers = st.floats(max(valid.low, -1e6), min(valid.high, 1e6), exclude_min=valid.above)
    return st.one_of(numbers.map(repr), numbers.map("{:+e}".format))


@st.composite
def terms(draw: st.DrawFn, name: str) -> str:
    entry = METHODS[name]
    hints = entry.types
    chosen = draw(st.lists(st.sampled_from(sorted(entry.defaults)), unique=True)) if entry.defaults else []
    text = name
    if chosen or draw(st.booleans()):
        text += "(" + ", ".join(f"{key} = {draw(values(hints[key], entry.ranges.get(key)))}" for key in chosen) + ")"
    if entry.allowed and draw(st.booleans()):
        text += " @" + ",".join(draw(st.lists(st.sampled_from(entry.allowed), unique=True, min_size=1)))
    if entry.allowed and draw(st.booleans()):
        if draw(st.booleans()):
            return f"{text}:last{draw(st.integers(1, 99))}"
        ranges = st.tuples(st.integers(0, 30), st.integers(0, 9)).map(lambda r: f"{r[0]}-{r[0] + r[1]}")
        text += ":" + ",".join(draw(st.lists(st.one_of(st.integers(0, 40).map(str), ranges), min_size=1, max_size=4)))
    return text


@st.composite
def specs(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(["full", "head", "none", *RECIPES]))
    names = [name for name, entry in METHODS.items() if entry.module]
    drawn = [draw(terms(name)) for name in draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=5))]
    gate = draw(st.sampled_from([*GATES, ""]))
    split = draw(st.integers(0, len(drawn))) if gate else 0
    gated = [f"{gate} * [{' + '.join(drawn[:split])}]"] if split else []
    return " + ".join([*gated, *drawn[split:]])


@settings(deadline=None)
@given(specs())
def test_the_canonical_specification_means_the_same(spec: str) -> None:
    method = parse(spec)
    assert parse(str(method)) == method
    assert str(parse(str(method))) == str(method)


PIECES = [*METHODS, *GATES, "houlsby", "linears", "last", "q", "kv", "attn", "rank", "scale", *"()[]*=@:,+-.0159 e"]


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_any_text_is_a_method_or_an_explained_error(spec: str) -> None:
    try:
        method = parse(spec)
    except MethodError as error:
        assert len(str(error)) > 20
    else:
        assert parse(str(method)) == method


@pytest.mark.parametrize(("written", "meant"), [("lroa@q", "lora"), ("LoRA", "lora"), ("uniplt", "unipelt")])
def test_a_misspelt_name_is_answered_with_the_closest(written: str, meant: str) -> None:
    with pytest.raises(MethodError, match=f"did you mean '{meant}'?"):
        parse(written)
