"""Texts that are long, or dear to read."""

import asyncio

from tests.chaos.attack import BUSY, Attack, Tally
from tests.chaos.target import Target, exchange, post_json

PARAGRAPHS = "\n\n".join(f"This is paragraph number {number} of a text that goes on." for number in range(100))


async def hundred_segments(target: Target, tally: Tally) -> None:
    async def one(seed: int) -> None:
        pieces = post_json(target, "/tts", text=PARAGRAPHS, stream=True, format="pcm", seed=seed)
        tally.take(await exchange(target, pieces, limit_s=30))

    await asyncio.gather(*(one(seed) for seed in range(target.times(4, 2))))


async def many_at_once(target: Target, tally: Tally) -> None:
    """More than there are places."""

    async def one(seed: int) -> None:
        tally.take(await exchange(target, post_json(target, "/tts", text="One short sentence.", seed=seed), limit_s=30))

    await asyncio.gather(*(one(seed) for seed in range(target.times(200, 20))))


async def numbers(target: Target, tally: Tally) -> None:
    """Sentences that are short as written and long as spoken."""
    for language, text in (
        ("en", "The codes are " + ", ".join(f"{12_345 + 1111 * number}" for number in range(25)) + "."),
        ("de", "Die Nummern sind " + ", ".join(f"0{30_123_456 + number * 7_654_321}" for number in range(13)) + "."),
        ("pl", "Lata " + ", ".join(str(1900 + number) for number in range(40)) + "."),
    ):
        pieces = post_json(target, "/tts", text=text, language=language, seed=1)
        tally.take(await exchange(target, pieces, limit_s=40))


async def dear_to_read(target: Target, tally: Tally) -> None:
    """20,000 characters whose reading takes a second; the caller leaves when the audio begins."""
    for language, sentence in (("zh-cn", "今天天气很好我们去公园散步。"), ("ja", "今日はとても良い天気です。")):
        text = (sentence * 2000)[:20_000]
        pieces = post_json(target, "/tts", text=text, language=language, stream=True, format="pcm")
        answer = await exchange(target, pieces, limit_s=6, keep_bytes=0)
        tally.take(answer)


ATTACKS = (
    Attack(
        name="texts of 100 segments are spoken beside the others",
        sends="4 streams of 100 paragraphs",
        run=hundred_segments,
        expects=BUSY | {"200"},
        limit_s=40,
    ),
    Attack(
        name="more requests than places are spoken or told to come back",
        sends="200 requests at once",
        run=many_at_once,
        expects=BUSY | {"200"},
        limit_s=40,
    ),
    Attack(
        name="sentences full of numbers are spoken",
        sends="3 requests",
        run=numbers,
        expects=frozenset({"200"}),
        limit_s=40,
        engine="xtts",
    ),
    Attack(
        name="20,000 characters of Chinese and Japanese are read beside the others",
        sends="2 streams",
        run=dear_to_read,
        expects=BUSY | {"200", "timeout"},
        limit_s=40,
        engine="xtts",
    ),
)
