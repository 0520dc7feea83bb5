"""HTTP that is old, unusual or broken: versions, ranges, stray line ends, heads that nobody should accept."""

import asyncio
import contextlib
import json
import time

from tests.chaos.attack import REFUSALS, Attack, Tally
from tests.chaos.sockets import handshake
from tests.chaos.target import Target, connected, exchange, head, post_json, read_head

LONG_TEXT = "This is a sentence of a long text that goes on and on. " * 300


async def line_end_after_a_body(target: Target, tally: Tally) -> None:
    """RFC 9112, 2.2: ignored. The stream is read slowly, so that it is under way when the time for heads is over."""
    body = json.dumps({"text": LONG_TEXT, "stream": True, "format": "pcm"}).encode()
    async with connected(target, receive_buffer=65_536) as (reader, writer):
        headers = {"Content-Type": "application/json"}
        writer.write(head(target, "POST", "/tts", headers, num_bytes=len(body)) + body)
        status, _ = await read_head(reader)
        tally.add(status)
        writer.write(b"\r\n")
        tail = b""
        end_s = time.monotonic() + target.client_timeout_s + 1.5
        while time.monotonic() < end_s and (piece := await reader.read(16_384)):
            if b"HTTP/1.1 4" in tail + piece:
                tally.fault("an HTTP head stands inside the audio")
                return
            tail = piece[-12:]
            await asyncio.sleep(0.02)


async def http_1_0(target: Target, tally: Tally) -> None:
    answer = tally.take(await exchange(target, [head(target, "GET", "/tts_stream?text=Hello", version="1.0")]))
    if answer.status == "200" and ("transfer-encoding" in answer.headers or not answer.body.startswith(b"RIFF")):
        tally.fault("HTTP/1.0 is answered in chunks")
    fields = {"input": "Hello.", "model": "tts-1", "voice": "heart", "response_format": "wav"}
    pieces = post_json(target, "/v1/audio/speech", **fields)
    pieces[0] = pieces[0].replace(b"HTTP/1.1", b"HTTP/1.0")
    answer = tally.take(await exchange(target, pieces))
    if answer.status == "200" and not answer.body.startswith(b"RIFF"):
        tally.fault("HTTP/1.0 is answered in chunks")


async def ranges(target: Target, tally: Tally) -> None:
    path = "/tts_stream?text=Hello%20there&seed=1"
    for asked in ("bytes=0-1", "bytes=2-", "bytes=-5", "bytes=999999999-", "bytes=5-2", "bytes=0-0,2-3", "x" * 5000):
        answer = tally.take(await exchange(target, [head(target, "GET", path, {"Range": asked})]))
        if asked == "bytes=0-1" and (answer.status, answer.num_bytes) != ("206", 2):
            tally.fault(f"bytes=0-1 is answered with {answer.status} and {answer.num_bytes} bytes")


async def broken_heads(target: Target, tally: Tally) -> None:
    host = target.host.encode()
    heads = [
        b"GET / HTTP/9.9\r\nHost: " + host + b"\r\n\r\n",
        b"GET " + b"/" * 200_000 + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"POST /tts HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"POST /tts HTTP/1.1\r\nHost: "
        + host
        + b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /tts HTTP/1.1\r\nHost: " + host + b"\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
        b"POST /tts HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\0" * 100_000,
        b"\r\n" * 100_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    sending = (exchange(target, [sent], limit_s=target.client_timeout_s + 5) for sent in heads)
    for answer in await asyncio.gather(*sending):
        tally.take(answer)


async def upgrades(target: Target, tally: Tally) -> None:
    """To paths that have no socket, and with other broken handshakes."""
    request = handshake(target)
    broken = [
        request.replace(b"/ws/tts", b"/ws/unknown"),
        request.replace(b"/ws/tts", b"/tts"),
        request.replace(b"Version: 13", b"Version: 99"),
        request.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
        request.replace(b"GET", b"POST"),
    ]
    for sent in broken:
        tally.take(await exchange(target, [sent], limit_s=5))


async def heads_that_speak(target: Target, tally: Tally) -> None:
    """HEAD on a speaking route speaks nothing, so a hundred of them are nothing to the server."""
    text = "a%20" * 300

    async def one() -> None:
        tally.take(await exchange(target, [head(target, "HEAD", f"/tts_stream?text={text}")]))

    with contextlib.suppress(OSError):
        await asyncio.gather(*(one() for _ in range(target.times(100, 10))))


ATTACKS = (
    Attack(
        name="an empty line after a body leaves the audio whole",
        sends="1 stream, and CRLF",
        run=line_end_after_a_body,
        expects=frozenset({"200"}),
    ),
    Attack(
        name="HTTP/1.0 is answered without chunks",
        sends="2 requests",
        run=http_1_0,
        expects=frozenset({"200"}),
    ),
    Attack(
        name="ranges are answered, and impossible ones refused",
        sends="7 requests",
        run=ranges,
        expects=frozenset({"200", "206", "400", "416"}),
    ),
    Attack(
        name="heads that nobody should accept are refused",
        sends="12 connections, up to 1 MB each",
        run=broken_heads,
        expects=REFUSALS | {"closed", "505"},
    ),
    Attack(
        name="broken WebSocket handshakes are refused",
        sends="5 handshakes",
        run=upgrades,
        expects=REFUSALS,
    ),
    Attack(
        name="HEAD speaks nothing",
        sends="100 HEADs of a speaking route",
        run=heads_that_speak,
        expects=frozenset({"200"}),
    ),
)
