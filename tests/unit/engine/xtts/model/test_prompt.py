"""Rows of prompts: where each token goes in the text and in the cache."""

from app.engine.xtts.model.prompt import START_CODE, PromptRows, num_prompt_positions


def test_texts_lie_end_to_end_each_behind_its_voice() -> None:
    rows = PromptRows.of([[5, 6], []], 3, start_token=90, stop_token=91)
    assert rows.table.tolist() == [
        [90, 5, 6, 91, START_CODE, 90, 91, START_CODE],
        [0, 1, 2, 3, 0, 0, 1, 0],
        [3, 3, 3, 3, 3, 4, 4, 4],
        [32, 33, 34, 35, 36, 32, 33, 34],
    ]
    assert rows.lengths == (5, 3)
    assert rows.ends.tolist() == [4, 7]


def test_the_last_row_is_at_the_last_position_of_its_prompt() -> None:
    for count in (0, 1, 40):
        rows = PromptRows.of([[7] * count], 0, start_token=90, stop_token=91)
        assert rows.table[3, -1] == num_prompt_positions(count) - 1
