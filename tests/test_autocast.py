import pytest
import torch

from pelt_core.autocast import without_autocast
from pelt_core.biased_attention import biased_attention
from pelt_core.cross_entropy import linear_cross_entropy


def test_nothing_is_cast_inside() -> None:
    a = torch.randn(3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ a).dtype is torch.bfloat16
        with without_autocast(a.device):
            assert (a @ a).dtype is torch.float32
    with without_autocast(torch.device("meta")):
        pass


@pytest.mark.parametrize("kind", ["attention", "loss"])
def test_own_gradients_are_those_without_autocast(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, bias = (torch.randn(1, 2, 4, 8, generator=generator).requires_grad_() for _ in range(3))
    h, weight = torch.randn(5, 8, generator=generator).requires_grad_(), torch.randn(20, 8, generator=generator)

    def computed() -> list[torch.Tensor]:
        if kind == "attention":
            out, given = biased_attention(q, k, k, bias[:, :1, :, :3]), (q, k, bias)
        else:
            out, given = linear_cross_entropy(h, weight, None, torch.arange(5)), (h,)
        return [out, *torch.autograd.grad(out.square().sum(), given)]

    plain = computed()
    with torch.autocast("cpu", torch.bfloat16):
        cast = computed()
    for one, other in zip(cast, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
