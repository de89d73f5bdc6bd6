"""Rows packed and unpacked again: every real token once, in its place."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pelt_core.errors import PeltError
from pelt_core.packing import Packing, PaddingError

CPU = torch.device("cpu")
packings = st.builds(
    lambda lengths, more, shared: Packing(tuple(lengths), max(lengths) + more, min(shared, min(lengths) - 1)),
    st.lists(st.integers(1, 7), min_size=1, max_size=6),
    st.integers(0, 3),
    st.sampled_from((0, 0, 1, 3)),
)
unshared = packings.filter(lambda packing: not packing.shared)


def tokens(packing: Packing, *shape: int) -> Tensor:
    """A number of its own for each entry, none of them 0; the same ones where rows are alike."""
    shape = (packing.rows, packing.width, *shape)
    padded = 1 + torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)
    padded[:, : packing.shared] = padded[:1, : packing.shared]
    return padded


@given(packings, st.lists(st.integers(1, 3), max_size=2))
def test_unpacking_gives_the_real_tokens_again_and_zeros_for_padding(packing: Packing, shape: list[int]) -> None:
    padded = tokens(packing, *shape)
    packed = packing.pack(padded)
    real = packing.real(CPU)
    own = real & (torch.arange(packing.width) >= packing.shared)
    in_order = torch.cat([padded[0, : packing.shared], padded[own]])
    assert torch.equal(packed[0], in_order), "another order than what is shared, and then row by row"
    found = packing.unpack(packed)
    assert torch.equal(found[real], padded[real]) and not found[~real].any()
    assert torch.equal(packing.pack(found), packed)


@given(packings)
def test_both_ways_are_linear_maps_of_each_other_s_gradients(packing: Packing) -> None:
    padded = tokens(packing, 2).requires_grad_()
    packed = packing.pack(padded)
    (gradient,) = torch.autograd.grad(packed.sum(), padded, retain_graph=True)
    read = packing.real(CPU).clone()
    read[1:, : packing.shared] = False
    assert torch.equal(gradient[..., 0] == 1, read)
    weight = tokens(packing, 2)
    (gradient,) = torch.autograd.grad((packing.unpack(packed) * weight).sum(), packed)
    weight[0, : packing.shared] *= packing.rows
    assert torch.equal(gradient, packing.pack(weight))


@given(packings)
def test_what_all_rows_share_is_given_to_each(packing: Packing) -> None:
    shared = tokens(packing, 3)[:1]
    assert torch.equal(packing.pack(shared), packing.pack(shared.expand(packing.rows, -1, -1)))


@given(packings)
def test_places_name_row_position_and_first_column(packing: Packing) -> None:
    places = packing.places(CPU)
    own = [(row, place) for row, length in enumerate(packing.lengths) for place in range(packing.shared, length)]
    expected = [(0, position) for position in range(packing.shared)] + own
    assert list(zip(places.row.tolist(), places.position.tolist(), strict=True)) == expected
    assert [expected[column] for column in places.start] == [
        (0 if packing.shared else row, 0) for row in range(packing.rows)
    ]
    assert places.real.sum(1).tolist() == list(packing.lengths) and places.real.shape == (packing.rows, packing.width)
    assert packing.places(CPU) is places, "made twice"


@given(unshared)
def test_one_value_a_row_goes_to_its_tokens_and_back(packing: Packing) -> None:
    each = torch.randn(packing.rows, 1, 2)
    spread = packing.spread(each)
    assert torch.equal(spread, packing.pack(each.expand(-1, packing.width, -1)))
    assert torch.equal(packing.first(spread), each)
    assert torch.equal(packing.first(packing.pack(tokens(packing, 2))), tokens(packing, 2)[:, :1])


@given(packings, st.integers(0, 4))
def test_lengthened_rows_hold_more_in_front(packing: Packing, virtual: int) -> None:
    padded = tokens(packing)
    front = torch.zeros(packing.rows, virtual)
    longer = packing.lengthened(virtual)
    packed = longer.pack(torch.cat([front, padded], 1))
    assert longer.total == packing.total + virtual * (1 if packing.shared else packing.rows)
    assert torch.equal(packed[packed != 0], packing.pack(padded)[0])


@given(packings)
def test_the_mask_tells_the_lengths(packing: Packing) -> None:
    mask = packing.real(CPU)
    for kind in (torch.bool, torch.long, torch.float32):
        found = Packing.of(mask.to(kind))
        assert (found.lengths, found.width) == (packing.lengths, packing.width)


@pytest.mark.parametrize(
    "mask",
    [[[0, 1, 1], [1, 1, 1]], [[1, 0, 1], [1, 1, 1]], [[1, 1, 1], [0, 0, 0]]],
    ids=["on the left", "in between", "a row without a token"],
)
def test_other_padding_is_refused(mask: list[list[int]]) -> None:
    with pytest.raises(PaddingError, match="padded on the right.*padding_side = 'right'") as caught:
        Packing.of(torch.tensor(mask))
    assert isinstance(caught.value, PeltError)


def test_a_mask_of_queries_and_keys_is_refused() -> None:
    with pytest.raises(PaddingError, match=r"\(rows, width\), and this is \(2, 1, 3, 3\)"):
        Packing.of(torch.ones(2, 1, 3, 3))


def test_the_same_rows_with_as_much_in_front_are_the_same_packing() -> None:
    packing = Packing((2, 3), 3)
    assert packing.lengthened(0) is packing
    assert packing.lengthened(4) is packing.lengthened(4)
