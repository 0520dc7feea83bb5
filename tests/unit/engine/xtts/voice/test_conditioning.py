"""Conditioning in pieces is the reference's in one."""

import msgspec
import numpy as np
import pytest
import torch
from torchaudio.functional import resample

from app.audio.loudness import SpeechLevel
from app.audio.reference import ReferenceClip
from app.engine.xtts.voice.conditioning import Conditioner
from app.engine.xtts.voice.speakers import LEVEL_KEY, pack_conditioning, unpack_conditioning, unpack_level
from tests.support.xtts import CPU, Pair


def clip(seconds: float, seed: int = 0) -> ReferenceClip:
    noise = np.random.default_rng(seed).normal(0, 0.1, round(22050 * seconds)).astype(np.float32)
    return ReferenceClip(samples=noise, sample_rate_hz=22050, sha256=f"{seed}")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 3.0, 9.0])
def test_the_embedding_is_that_of_the_encoder_called_as_a_whole(tiny: Pair, seconds: float) -> None:
    networks, config = tiny.checkpoint.networks, tiny.checkpoint.config
    voice = Conditioner(networks, config, CPU).condition([clip(seconds)])
    with torch.inference_mode():
        audio = resample(torch.from_numpy(clip(seconds).samples)[None], 22050, 16_000)
        whole = networks.speaker_encoder(audio, l2_norm=True)
    torch.testing.assert_close(voice.speaker_embedding[:, 0], whole[0], rtol=0, atol=1e-6)


def test_every_block_of_a_network_and_every_recording_is_a_piece_of_its_own(tiny: Pair) -> None:
    """9 s of audio are three stretches of at most 4 s: 6 blocks and the perceiver each. The encoder has 16 blocks."""
    conditioner = Conditioner(tiny.checkpoint.networks, tiny.checkpoint.config, CPU)
    pieces = conditioner.pieces([clip(6.0), clip(3.0, seed=1)])
    assert len(list(pieces)) == 2 + 2 * (1 + 16) + 3 * 7


def test_a_packed_voice_keeps_its_level_and_readers_that_know_none_still_read_it(tiny: Pair) -> None:
    level = SpeechLevel(rms_dbfs=-23.4, peak_dbfs=-6.1)
    packed = pack_conditioning(tiny.voice, level)
    assert unpack_level(packed) == level
    channels = tiny.checkpoint.config.model_args.gpt_n_model_channels
    for data in (packed, pack_conditioning(tiny.voice)):
        voice = unpack_conditioning(data, channels=channels)
        assert torch.equal(voice.speaker_embedding, tiny.voice.speaker_embedding)
    assert unpack_level(pack_conditioning(tiny.voice)) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"rms_dbfs": null, "peak_dbfs": -1}', '{"rms_dbfs": 900, "peak_dbfs": 900}', "\ud800"]
)
def test_a_level_that_no_speech_has_is_measured_anew(text: str) -> None:
    header = msgspec.json.encode({"__metadata__": {LEVEL_KEY: text}}) if text != "\ud800" else b"\xff"
    assert unpack_level(len(header).to_bytes(8, "little") + header) is None
