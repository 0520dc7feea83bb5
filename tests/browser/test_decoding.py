"""Files of the server with their marks and signatures, as Chromium decodes them."""

import pytest

from tests.support.browser import OpenPage
from tests.support.server import RunningServer

TEXT = "Hello there. It is good to hear my own voice."
DECODE = """
async (body) => {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const file = await (await fetch("tts", options)).arrayBuffer();
  const audio = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(file);
  const samples = audio.getChannelData(0);
  const loudest = samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  return { seconds: audio.duration, loudest };
}
"""


@pytest.mark.slow
def test_each_format_is_decoded_whole_and_streamed(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    said = {"text": TEXT, "seed": 1}
    with embedded_server.client() as client:
        pcm = client.post("/tts", json=said | {"format": "pcm"}).content
    for audio_format in ("wav", "mp3", "flac", "opus", "aac"):
        for stream in (False, True):
            heard = page.evaluate(DECODE, said | {"format": audio_format, "stream": stream})
            assert heard["seconds"] == pytest.approx(len(pcm) / 48_000, abs=0.15), (audio_format, stream)
            assert 0.05 < heard["loudest"] <= 1.2, (audio_format, stream)
