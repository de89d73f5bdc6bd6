import torch

from pelt_core.label_loss import label_losses


def test_of_classes_it_is_the_log_probability_of_the_label_in_fp32():
    logits, labels = torch.randn(5, 3, generator=torch.manual_seed(0)).bfloat16(), torch.tensor([0, 2, 1, 1, 0])
    found = label_losses(logits, labels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, -logits.float().log_softmax(-1)[torch.arange(5), labels])


def test_of_a_number_it_is_the_squared_error():
    torch.testing.assert_close(
        label_losses(torch.tensor([[1.0], [3.0]]), torch.tensor([2.0, 0.0])), torch.tensor([1.0, 9.0])
    )
