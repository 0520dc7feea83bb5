import torch

from app.engine.xtts.device.copies import HostCopy


def test_what_is_written_after_it_was_asked_for_does_not_arrive() -> None:
    tensor = torch.arange(4)
    arrival = HostCopy(tensor[:3])
    tensor.fill_(-1)
    assert arrival.wait().tolist() == [0, 1, 2]
