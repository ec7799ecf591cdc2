"""What is sent arrives, and PyTorch's settings are as they were."""

import pytest
import torch

from decodelib.kernels.gpu import integers_on, sent, without_cudnn_attention

DEVICES = [torch.device("cpu")] + [torch.device("cuda", 0)] * torch.cuda.is_available()


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_what_is_sent_is_what_arrives(device) -> None:
    for tensor in (torch.arange(5.0), torch.empty(0, 3), torch.ones(2, 2, dtype=torch.bool)):
        arrived = sent(tensor, device)
        assert arrived.device == device
        assert torch.equal(arrived.cpu(), tensor)
    with torch.device("meta"):  # a default of the caller's
        ids = integers_on(device, [4, 2])
    assert ids.dtype == torch.long
    assert ids.tolist() == [4, 2]


def test_on_the_host_nothing_is_copied() -> None:
    tensor = torch.arange(3)
    assert sent(tensor, torch.device("cpu")) is tensor


@pytest.mark.parametrize("before", [True, False])
def test_plans_are_left_out_for_as_long_as_it_says(before) -> None:
    def stop() -> None:
        with without_cudnn_attention():
            assert not torch.backends.cuda.cudnn_sdp_enabled()
            raise RuntimeError("stopped")

    setting = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(before)
    try:
        with pytest.raises(RuntimeError, match="stopped"):
            stop()
        assert torch.backends.cuda.cudnn_sdp_enabled() == before
    finally:
        torch.backends.cuda.enable_cudnn_sdp(setting)
