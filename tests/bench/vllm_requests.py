"""`python -m tests.bench.vllm_requests http://127.0.0.1:8000`: requests of vllm-omni's tests, to any server.

They are those of its tests/entrypoints/openai_api/test_serving_speech.py (011c356e) that go over HTTP, with a recording
where that sends bytes to its fakes. Looked at are status, content type and shape.
"""

import base64
import io
import sys
import wave
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.recordings import voice_like, wav

SPEECH, VOICES = "/v1/audio/speech", "/v1/audio/voices"
BODY = {"input": "Hello world", "model": "tts-model", "voice": "alloy", "response_format": "wav"}


class Requests:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._recording = wav(voice_like(3))

    def speak(self, kind: str = "audio/wav", **fields: Any) -> bool:
        answer = self._post(**fields)
        return answer.status_code == 200 and answer.headers["Content-Type"].startswith(kind) and bool(answer.content)

    def clone(self) -> bool:
        data = base64.b64encode(self._recording).decode()
        return self.speak(ref_audio=f"data:audio/wav;base64,{data}", ref_text="Hello", task_type="Base", voice=None)

    def speak_at(self, rate_hz: int) -> bool:
        with wave.open(io.BytesIO(self._post(sample_rate=rate_hz, stream=False).content)) as file:
            return file.getframerate() == rate_hz

    def has_status(self, status: int, **fields: Any) -> bool:
        return self._post(**fields).status_code == status

    def has_header(self, name: str) -> bool:
        return name in self._post().headers

    def has_words(self) -> bool:
        return "json" in self._post(word_timestamps=True, stream=False).headers["Content-Type"]

    def list_voices(self) -> bool:
        return "voices" in self._client.get(VOICES).json()

    def upload(self) -> bool:
        fields = {"consent": "user_consent_123", "name": "test_voice"}
        files = {"audio_sample": ("test.wav", self._recording, "audio/wav")}
        answer = self._client.post(VOICES, data=fields, files=files)
        return answer.status_code == 200 and answer.json()["success"] and answer.json()["voice"]["name"] == "test_voice"

    def delete(self, status: int, name: str = "test_voice") -> bool:
        return self._client.delete(f"{VOICES}/{name}").status_code == status

    def batch(self) -> bool:
        return self._client.post(f"{SPEECH}/batch", json={"items": [{"input": "Hello"}]}).status_code == 200

    def _post(self, **fields: Any) -> httpx.Response:
        body = {name: value for name, value in (BODY | fields).items() if value is not None}
        return self._client.post(SPEECH, json=body)


def checks(requests: Requests) -> dict[str, Callable[[], bool]]:
    return {
        "speech": requests.speak,
        "mp3": lambda: requests.speak("audio/mpeg", response_format="mp3"),
        "streamed pcm": lambda: requests.speak("audio/pcm", response_format="pcm", stream=True),
        "speed 2.5": lambda: requests.speak(speed=2.5),
        "instructions": lambda: requests.speak(instructions="warm"),
        "list of voices": requests.list_voices,
        "unknown voice deleted: 404": lambda: requests.delete(404, "nonexistent"),
        "empty input: 400": lambda: requests.has_status(400, input=""),
        "unknown format: 422": lambda: requests.has_status(422, response_format="invalid_format"),
        "headers of usage": lambda: requests.has_header("X-VLLM-OMNI-TOTAL-TOKENS"),
        "voice uploaded": requests.upload,
        "voice uploaded again": lambda: requests.upload() and requests.upload(),
        "voice deleted, then 404": lambda: requests.upload() and requests.delete(200) and requests.delete(404),
        "without model": lambda: requests.speak(model=None),
        "without voice": lambda: requests.speak(voice=None),
        "without both": lambda: requests.speak(model=None, voice=None),
        "input alone": lambda: requests.speak("audio/", model=None, voice=None, response_format=None),
        "language English": lambda: requests.speak(language="English"),
        "language Auto": lambda: requests.speak(language="Auto"),
        "ref_audio": requests.clone,
        "sample_rate": lambda: requests.speak_at(8_000),
        "batch": requests.batch,
        "times of words": requests.has_words,
    }


def main(url: str) -> None:
    with httpx.Client(base_url=url, timeout=120) as client:
        results = {name: check() for name, check in checks(Requests(client)).items()}
    for name, is_met in results.items():
        print("meets" if is_met else "NOT  ", name)
    print(sum(results.values()), "of", len(results))


if __name__ == "__main__":
    main(sys.argv[1])
