"""Ranges of `GET /tts_stream`, as the players of media elements ask for them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve

TEXT = "The morning was bright and clear. Nobody had opened the door for years."
ADDRESSES = ["/tts_stream?text={}&seed=7", "/tts_stream?text={}", "/sillytavern/tts_stream?text={}&speaker_wav=heart"]


@pytest.fixture(params=ADDRESSES, ids=["with a seed", "without", "below a prefix"])
def address(request: pytest.FixtureRequest) -> str:
    return request.param.format(TEXT.replace(" ", "%20"))


@pytest.fixture
def client(embedded_server: RunningServer) -> Iterator[httpx.Client]:
    with embedded_server.client() as client:
        yield client


def get(client: httpx.Client, address: str, wanted: str, **headers: str) -> httpx.Response:
    return client.get(address, headers={"Range": wanted} | headers)


@pytest.mark.parametrize(
    ("wanted", "first", "stop"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=1000-", 1000, None),
        ("bytes=-500", -500, None),
        ("bytes=44-999999999", 44, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_range_is_the_bytes_of_the_file_that_the_address_gives(
    client: httpx.Client, address: str, wanted: str, first: int, stop: int | None
) -> None:
    whole = client.get(address)
    part = get(client, address, wanted)
    assert (whole.status_code, part.status_code) == (200, 206)
    assert part.content == whole.content[first:stop]
    first = first % len(whole.content)
    expected = f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}"
    assert part.headers["Content-Range"] == expected
    assert part.headers["Content-Length"] == str(len(part.content))
    for name in ("Accept-Ranges", "ETag", "Content-Type", "X-Seed", "X-Chorus-Engine"):
        assert part.headers[name] == whole.headers[name]
    assert whole.headers["Accept-Ranges"] == "bytes"


def test_the_pieces_that_safari_asks_for_are_one_file(client: httpx.Client, address: str) -> None:
    probe = get(client, address, "bytes=0-1")
    length = int(probe.headers["Content-Range"].rpartition("/")[2])
    rest = [
        get(client, address, f"bytes={start}-{min(start + 9999, length - 1)}") for start in range(0, length, 10_000)
    ]
    assert {piece.status_code for piece in (probe, *rest)} == {206}
    assert b"".join(piece.content for piece in rest) == client.get(address).content
    assert len({piece.headers["ETag"] for piece in (probe, *rest)}) == 1


def test_a_range_behind_the_end_is_told_how_long_the_file_is(client: httpx.Client, address: str) -> None:
    length = len(client.get(address).content)
    for wanted in (f"bytes={length}-", f"bytes={length}-{length + 5}", "bytes=-0"):
        refused = get(client, address, wanted)
        check(refused, 416, "range_not_satisfiable", says=str(length))
        assert refused.headers["Content-Range"] == f"bytes */{length}"
    assert get(client, address, f"bytes={length - 1}-").status_code == 206


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=0-1", "bytes=5-1", "bytes=x-y", "bytes=-"])
def test_what_is_no_single_range_gets_the_whole_file(client: httpx.Client, address: str, wanted: str) -> None:
    answer = get(client, address, wanted)
    assert (answer.status_code, answer.content) == (200, client.get(address).content)


def test_a_part_of_another_file_is_not_continued(client: httpx.Client, address: str) -> None:
    whole = client.get(address)
    same = get(client, address, "bytes=10-19", **{"If-Range": whole.headers["ETag"]})
    assert (same.status_code, same.content) == (206, whole.content[10:20])
    for other in ('"other"', f"W/{whole.headers['ETag']}", "Wed, 21 Oct 2026 07:28:00 GMT"):
        answer = get(client, address, "bytes=10-19", **{"If-Range": other})
        assert (answer.status_code, answer.content) == (200, whole.content)


def test_other_texts_voices_and_seeds_are_other_files(client: httpx.Client) -> None:
    addresses = [
        "?text=Hello.",
        "?text=Hello",
        "?text=Hello.&seed=1",
        "?text=Hello.&seed=2",
        "?text=Hello.&speaker_wav=heart",
    ]
    tags = [get(client, f"/tts_stream{address}", "bytes=0-1").headers["ETag"] for address in addresses]
    assert len(set(tags)) == len(tags)


def test_a_seed_out_of_bounds_is_refused(client: httpx.Client) -> None:
    for seed in ("-1", "4294967296", "x", "1.5", "null", ""):
        check(client.get("/tts_stream", params={"text": "Hello.", "seed": seed}), 400, "invalid_field", "seed")
    for twice in ("seed=1&seed=2", "seed=null&seed=null"):
        check(client.get(f"/tts_stream?text=Hello.&{twice}"), 400, "invalid_field", "seed")
    largest = client.get("/tts_stream", params={"text": "Hello.", "seed": 2**32 - 1})
    assert largest.headers["X-Seed"] == str(2**32 - 1)


def num_spoken(server: RunningServer) -> int:
    return len(server.engine.requests)  # type: ignore[union-attr]


def test_the_ranges_of_one_player_are_spoken_once(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        for _ in range(2):
            for wanted in ("bytes=0-1", "bytes=2-99", "bytes=100-", "bytes=-5", "bytes=0-", "bytes=99999999-"):
                assert get(client, "/tts_stream?text=Hello%20there.", wanted).status_code in (206, 416)
        assert num_spoken(fake_server) == 1
        get(client, "/tts_stream?text=Hello%20you.", "bytes=0-1")
    assert num_spoken(fake_server) == 2


def test_ranges_that_are_asked_for_at_once_are_spoken_once(fake_server: RunningServer) -> None:
    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=fake_server.url, timeout=60) as client:
            asking = [
                client.get("/tts_stream?text=You%20wait%20here.", headers={"Range": f"bytes={n}-{n}"}) for n in range(8)
            ]
            answers = asyncio.gather(*asking)
            while not num_spoken(fake_server):
                await asyncio.sleep(0)
            fake_server.on_loop(fake_server.engine.release.set)  # type: ignore[union-attr]
            return await answers

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [206] * 8
    assert b"".join(answer.content for answer in answers) == b"RIFF\xff\xff\xff\xff"
    assert num_spoken(fake_server) == 1


def test_a_player_that_takes_a_stream_hears_it_while_it_is_spoken(fake_server: RunningServer) -> None:
    """Chromium and ffmpeg begin with `bytes=0-`, and need not wait for the end."""
    address = "/tts_stream?text=All%20is%20well.%0A%0AYou%20wait%20here."
    with (
        fake_server.client() as client,
        client.stream("GET", address, headers={"Range": "bytes=0-"}) as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert next(pieces).startswith(b"RIFF")
        fake_server.on_loop(fake_server.engine.release.set)  # type: ignore[union-attr]
        assert len(b"".join(pieces)) > 10_000


def test_a_failure_is_told_and_the_next_range_tries_again(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        for num_tries in (1, 2):
            check(get(client, "/tts_stream?text=This%20will%20fail.", "bytes=0-1"), 500, "engine_failure")
            assert num_spoken(fake_server) == num_tries
        answer = get(client, "/tts_stream?text=Hi.&speaker_wav=hart", "bytes=0-1")
        check(answer, 404, "unknown_speaker", "speaker_wav")


def test_ranges_come_from_the_kept_file_only_while_their_voice_is_there(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path), FakeEngine) as server, server.client() as client:
        fields = {"name": "Ada", "consent": "This is my own voice."}
        voice = client.post("/voices", data=fields, files={"reference_audio": ("a", wav(voice_like(4)))}).json()["id"]
        address = f"/tts_stream?text=Hello.&speaker_wav={voice}"
        assert get(client, address, "bytes=0-1").status_code == 206
        client.delete(f"/voices/{voice}").raise_for_status()
        check(get(client, address, "bytes=2-3"), 404, "unknown_speaker", "speaker_wav")
