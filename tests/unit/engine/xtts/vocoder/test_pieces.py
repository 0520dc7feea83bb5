"""Columns between layers: how many are valid, and how a layer's columns lie in the state of a stream."""

import torch

from app.engine.xtts.vocoder.pieces import Count, Memory, StateLayout


def test_a_known_count_is_never_below_zero_and_one_for_each_frame_is_left_to_the_device() -> None:
    assert Count(3).plus(-5) == Count(0)
    assert Count(0, per_frame=1).plus(-5).times(4).plus(2) == Count(-18, per_frame=4)


def test_columns_behind_the_valid_ones_are_cleared_stream_by_stream() -> None:
    columns = torch.ones(3, 2, 1, 8)
    columns[2] = float("nan")
    Memory(None, is_last=True, num_frames=torch.tensor([1, 2, 0])).clear_behind(columns, Count(1, per_frame=3))
    assert columns[0, 0, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert columns[1, 1, 0].tolist() == [1, 1, 1, 1, 1, 1, 1, 0]
    assert columns[2, :, 0, 1:].tolist() == [[0] * 7] * 2


def test_a_flat_state_has_the_columns_of_each_layer() -> None:
    kept = [torch.randn(2, 3, 1, 4), torch.randn(2, 5, 1, 0), torch.randn(2, 2, 1, 6)]
    layout = StateLayout(kept)
    flat = torch.zeros(2, layout.size)
    assert layout.size == 24
    for view, columns in zip(layout.views(flat), kept, strict=True):
        view.copy_(columns)
    for view, columns in zip(layout.views(flat), kept, strict=True):
        assert torch.equal(view, columns)
    assert int((flat != 0).sum()) == 48
