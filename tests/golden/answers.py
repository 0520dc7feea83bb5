"""Reduces a response to its comparable part: status, lasting headers, and its JSON or the hash of its samples."""

import hashlib
import io
import json
from typing import Any

import av
import httpx
import numpy as np

HEADERS = (
    "content-type", "content-disposition", "x-seed", "x-chorus-engine", "x-chorus-warnings", "retry-after",
    "accept-ranges", "content-range", "allow", "www-authenticate",
)  # fmt: skip
VARYING = frozenset(
    [
        "request_id",
        "uptime_s",
        "startup_s",
        "capacity",
        "last_updated",
        "created_at",
        "created",
        "version",
        "model",
        "audio",
        "data",
        "provenance",
    ]
)
"""JSON fields that differ between two runs, or whose content is compared as samples."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def audio_digest(data: bytes, media_type: str) -> dict[str, Any]:
    """Length and hash of the decoded samples, rounded to 16 bits; raw PCM is hashed as it is."""
    if media_type.startswith("audio/pcm"):
        return {"samples": len(data) // 2, "sha": digest(data)}
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate(frames, axis=1)
    if samples.dtype.kind == "f":
        samples = np.round(samples * 32768)
    return {"samples": samples.shape[1], "sha": digest(samples.astype(np.int32).tobytes())}


def lasting(value: Any) -> Any:
    """JSON without its varying fields; the names of those that are there stay."""
    if isinstance(value, dict):
        return {name: "*" if name in VARYING else lasting(item) for name, item in value.items()}
    if isinstance(value, list):
        return [lasting(item) for item in value]
    return value


def summary(response: httpx.Response, *, is_seeded: bool) -> dict[str, Any]:
    """The comparable part of a response; without a fixed seed, its status and headers only."""
    media_type = response.headers.get("content-type", "")
    kept: dict[str, Any] = {"status": response.status_code}
    kept["headers"] = {name: response.headers[name] for name in HEADERS if name in response.headers}
    if not is_seeded:
        kept["headers"].pop("x-seed", None)
    elif media_type.startswith("audio/") and response.content:
        kept["audio"] = audio_digest(response.content, media_type)
    elif "json" in media_type and "event-stream" not in media_type:
        kept["json"] = lasting(response.json())
    elif "event-stream" in media_type:
        kept["events"] = _events(response.text)
    else:
        kept["body"] = digest(response.content)
    return kept


def _events(text: str) -> list[Any]:
    """The events of a stream in order, pieces of audio left out: where they are cut may change."""
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    events = [json.loads(line) if line.startswith("{") else line for line in lines]
    return [
        lasting(event) for event in events if not (isinstance(event, dict) and set(event) <= {"data", "audio", "type"})
    ]
