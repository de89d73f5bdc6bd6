"""The cache of evaluation: what it gives is what a plain one gives, at less copying."""

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from pelt_core.cache import RoomyCache, joined
from pelt_core.context import Held


def states(rows: int, tokens: int) -> tuple[Tensor, Tensor]:
    return torch.randn(rows, 2, tokens, 4), torch.randn(rows, 2, tokens, 4)


def test_gives_what_a_plain_cache_gives_however_long_it_grows() -> None:
    plain, roomy = DynamicCache(), RoomyCache()
    for tokens in (3, 1, 90, 1, 1, 70):
        for layer in (0, 1):
            new = states(2, tokens)
            for found, expected in zip(roomy.update(*new, layer), plain.update(*new, layer), strict=True):
                assert torch.equal(found, expected)
        assert roomy.get_seq_length() == plain.get_seq_length()


def test_a_token_is_written_behind_the_others_without_copying_them() -> None:
    cache = RoomyCache()
    first, _ = cache.update(*states(2, 5), 0)
    for _ in range(3):
        keys, _ = cache.update(*states(2, 1), 0)
        assert keys.data_ptr() == first.data_ptr()


@pytest.mark.parametrize("kept", [[0, 4, 2], [1], [3, 1, 0, 2, 4], []])
def test_rows_that_stay(kept: list[int]) -> None:
    plain, roomy, new = DynamicCache(), RoomyCache(), states(5, 3)
    for cache in (plain, roomy):
        cache.update(*new, 0)
        cache.batch_select_indices(torch.tensor(kept, dtype=torch.long))
    assert torch.equal(roomy.layers[0].keys, plain.layers[0].keys)
    new = states(len(kept), 1)
    assert torch.equal(roomy.update(*new, 0)[1], plain.update(*new, 0)[1])


def test_rows_follow_the_beams() -> None:
    plain, roomy, new, next_ones = DynamicCache(), RoomyCache(), states(3, 4), states(3, 1)
    for cache in (plain, roomy):
        cache.update(*new, 0)
        cache.reorder_cache(torch.tensor([2, 0, 2]))
        cache.update(*next_ones, 0)
    assert torch.equal(roomy.layers[0].keys, plain.layers[0].keys)
    assert torch.equal(roomy.layers[0].values, plain.layers[0].values)


def test_a_copy_has_every_row_repeated_and_grows_on_its_own() -> None:
    cache, (keys, values) = RoomyCache(), states(2, 3)
    cache.update(keys, values, 0)
    cache.layers.append(Held())
    cache.layers[1].sums[7] = torch.tensor([[[1.0]], [[2.0]]])
    other = cache.repeated(3)
    assert torch.equal(other.layers[0].keys, keys.repeat_interleave(3, 0))
    assert other.layers[1].sums[7].flatten().tolist() == [1, 1, 1, 2, 2, 2]
    other.update(*states(6, 1), 0)
    assert cache.get_seq_length() == 3 and torch.equal(cache.layers[0].values, values)


def test_a_prefix_is_in_front_of_the_text_and_no_part_of_it() -> None:
    cache, prefix, text = RoomyCache(), states(2, 3), states(2, 80)
    assert cache.prefix(7, 0) is None
    for start, stop in ((0, 5), (5, 6), (6, 80)):
        new = text[0][:, :, start:stop], text[1][:, :, start:stop]
        found = cache.update_behind(7, prefix, *new, 0)
        for all_of_it, p, t in zip(found, prefix, text, strict=True):
            assert torch.equal(all_of_it, torch.cat([p, t[:, :, :stop]], 2))
        assert cache.get_seq_length() == stop and torch.equal(cache.layers[0].keys, text[0][:, :, :stop])
    cache.batch_select_indices(torch.tensor([1]))
    kept = cache.prefix(7, 0)
    assert kept is not None and torch.equal(kept[0], prefix[0][1:])
    (keys, _), new = cache.update(*states(1, 1), 0), states(1, 1)
    assert keys.shape[2] == 81
    assert torch.equal(cache.update_behind(7, prefix, *new, 0)[1][:, :, :3], prefix[1][1:])


def test_a_prefix_is_written_once() -> None:
    cache, prefix = RoomyCache(), states(2, 3)
    first, _ = cache.update_behind(7, prefix, *states(2, 4), 0)
    prefix[0].fill_(torch.nan)
    again, _ = cache.update_behind(7, prefix, *states(2, 1), 0)
    assert again.data_ptr() == first.data_ptr() and again.isfinite().all()


def test_another_prefix_goes_in_front_of_the_text_as_well_but_not_into_the_room() -> None:
    cache, one, other, text = RoomyCache(), states(2, 3), states(2, 1), states(2, 4)
    cache.update_behind(7, one, *text, 0)
    new = states(2, 1)
    keys, _ = cache.update_behind(8, other, *new, 0)
    assert torch.equal(keys, torch.cat([other[0], text[0], new[0]], 2))
    assert cache.prefix(8, 0) is None


@pytest.mark.parametrize("virtual", [0, 2])
def test_texts_of_several_caches_are_joined_on_the_right(virtual: int) -> None:
    lengths, caches, texts, given = [[4, 2], [3, 0, 1]], [], [], []
    for group in lengths:
        keys, values = states(len(group), virtual + max(group))
        cache = RoomyCache()
        cache.update_behind(7, states(len(group), 2), keys, values, 0)
        cache.layers.append(Held())
        cache.layers[1].sums[5] = keys[:, 0].clone()
        caches.append(cache)
        texts.append((torch.arange(max(group)) < torch.tensor(group)[:, None]).long())
        given += [(row, length) for row, length in zip(keys, group, strict=True)]
    mask = torch.tensor([[0] * (5 - length) + [1] * length for _, length in given])
    whole = joined(caches, texts, mask)
    keys, sums = whole.layers[0].keys, whole.layers[1].sums[5]
    assert whole.prefix(7, 0) is None and keys.shape == (5, 2, virtual + 5, 4)
    assert torch.equal(sums, keys[:, 0])
    for found, (row, length) in zip(keys, given, strict=True):
        assert torch.equal(found[:, :virtual], row[:, :virtual])
        assert not found[:, virtual : virtual + 5 - length].any()
        assert torch.equal(found[:, virtual + 5 - length :], row[:, virtual : virtual + length])
