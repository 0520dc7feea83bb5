"""The cache of spoken files: its size, and the time for which a file is kept."""

import asyncio

from app.http.responses.spoken_files import MAX_AGE_S, MAX_BYTES, SpokenFile, SpokenFiles


def file(num_bytes: int) -> SpokenFile:
    return SpokenFile(bytes(num_bytes), {})


def test_the_files_together_have_a_bound_and_the_least_used_goes_first() -> None:
    files = SpokenFiles()
    third = MAX_BYTES // 3
    for name in "abc":
        files.put(name, file(third))
    assert files.get("a")
    files.put("d", file(third))
    assert [name for name in "abcd" if files.get(name)] == ["a", "c", "d"]
    files.put("a", file(1))
    assert files.num_bytes == 2 * third + 1


def test_a_file_that_is_larger_than_all_may_be_is_not_kept() -> None:
    files = SpokenFiles()
    files.put("a", file(5))
    files.put("b", file(MAX_BYTES + 1))
    files.put("c", file(MAX_BYTES - 5))
    assert [name for name in "abc" if files.get(name)] == ["a", "c"]


def test_a_file_is_kept_for_five_minutes_however_often_it_is_used() -> None:
    now_s = 0.0
    files = SpokenFiles(clock=lambda: now_s)
    files.put("a", file(5))
    now_s = MAX_AGE_S
    assert files.get("a")
    now_s += 0.001
    assert files.get("a") is None
    assert files.num_bytes == 0


def test_one_file_is_made_by_one_at_a_time_and_two_files_at_once() -> None:
    async def scenario() -> list[str]:
        files, order = SpokenFiles(), []

        async def make(name: str, say: str) -> None:
            async with files.making(name):
                order.append(f"{say} begins")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                order.append(f"{say} ends")

        await asyncio.gather(make("a", "first"), make("a", "second"), make("b", "other"))
        return order

    order = asyncio.run(scenario())
    assert order.index("first ends") < order.index("second begins")
    assert order.index("other begins") < order.index("first ends")
