"""The peak of a process's memory: it sees what was held, and forgets it."""

import torch

from pelt_core.memory import forget_peak, peak_memory

MEGABYTE = 2**20


def held(megabytes: int) -> None:
    torch.ones(megabytes * MEGABYTE // 4).sum()


def test_what_was_held_is_seen_after_it_is_gone():
    forget_peak()
    before = peak_memory()
    held(200)
    assert peak_memory() - before > 150 * MEGABYTE


def test_the_peak_of_one_piece_of_work_is_not_that_of_the_next():
    held(300)
    one = peak_memory()
    forget_peak()
    assert one - peak_memory() > 200 * MEGABYTE
