import gc
import io
import math
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.encoders import open_encoder
from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import encode_whole
from app.audio.recording import DecodedRecording, decode_recording
from app.audio.reference_check import check_reference, clipped_share
from app.errors import RequestError, UnreadableAudio, UnusableReference
from tests.support.marks import slow

RATE_HZ = 24_000


def voice(seconds: float, rate_hz: int = RATE_HZ, amplitude: float = 0.2) -> Any:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    syllables = np.sin(2 * np.pi * 2 * time_s) ** 2
    return (amplitude * syllables * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32)


def recording(samples: Any, rate_hz: int = RATE_HZ, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=subtype)
    return file.getvalue()


def video_without_sound() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        frame = av.VideoFrame(32, 32, "yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode_reference(data: bytes, *, filename: str = "clip", max_decode_s: float = 30.0) -> DecodedRecording:
    """Decoded in this process, and refused where no voice can be cloned from it."""
    decoded = decode_recording(io.BytesIO(data), name=filename, max_s=max_decode_s)
    check_reference(decoded.samples, decoded.sample_rate_hz, filename)
    return decoded


GOOD = recording(voice(3))
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(300)


@pytest.mark.parametrize(
    ("container", "subtype", "atol"),
    [
        ("WAV", "PCM_16", 1 / 32_768),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "FLOAT", 0),
        ("WAV", "PCM_U8", 1 / 128),
        ("WAV", "ULAW", 0.01),
        ("AIFF", "PCM_16", 1 / 32_768),
        ("FLAC", "PCM_16", 1 / 32_768),
        ("OGG", "VORBIS", 0.05),
        ("OGG", "OPUS", 0.05),
        ("MP3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_a_recording_comes_back_in_any_common_format(container: str, subtype: str, atol: float) -> None:
    clip = decode_reference(recording(voice(3), 24_000, container, subtype), filename="clip")
    # Opus always decodes at 48 kHz.
    assert clip.sample_rate_hz == (48_000 if subtype == "OPUS" else 24_000)
    expected = voice(3, clip.sample_rate_hz)
    # FFmpeg leaves out the last half block of a vorbis file.
    assert len(expected) - (256 if subtype == "VORBIS" else 0) <= len(clip.samples) <= len(expected)
    np.testing.assert_allclose(clip.samples, expected[: len(clip.samples)], atol=atol)
    assert clip.samples.dtype == np.float32


@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.FLAC, AudioFormat.AAC, AudioFormat.MP3])
def test_our_own_answers_can_be_cloned_from_streamed_or_whole(audio_format: AudioFormat) -> None:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
    streamed = encoder.encode(voice(3)) + encoder.close()
    for data in (streamed, encode_whole(voice(3), OutputFormat(audio_format), RATE_HZ)):
        clip = decode_reference(data)
        assert len(clip.samples) / clip.sample_rate_hz == pytest.approx(3.0, abs=0.1)


def test_channels_are_averaged_not_added() -> None:
    stereo = np.stack([voice(3, 44_100, 0.9), voice(3, 44_100, 0.3)], axis=1)
    clip = decode_reference(recording(stereo, 44_100))
    assert clip.sample_rate_hz == 44_100
    np.testing.assert_allclose(clip.samples, voice(3, 44_100, 0.6), atol=1 / 32_768)


def test_rates_above_48_khz_are_brought_down_to_it() -> None:
    clip = decode_reference(recording(voice(3, 96_000), 96_000))
    assert clip.sample_rate_hz == 48_000
    assert len(clip.samples) == pytest.approx(3 * 48_000, abs=2)
    middle = slice(1000, -1000)
    np.testing.assert_allclose(clip.samples[middle], voice(3, 48_000)[: len(clip.samples)][middle], atol=2e-3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not audio"),
        (b"this is a text file, not a recording of anybody", "not audio"),
        (np.random.default_rng(0).bytes(100_000), "not audio"),
        (bytes(100_000), "not audio"),
        (PNG, "no audio track"),
        (video_without_sound(), "no audio track"),
        (GOOD[:20], "not audio"),
        (GOOD[:44], "holds no audio"),
        (recording(np.zeros(0, np.float32)), "holds no audio"),
        (recording(np.full(3 * RATE_HZ, math.nan, np.float32), subtype="FLOAT"), "NaN"),
        (recording(np.append(voice(3), np.float32(math.inf)), subtype="FLOAT"), "NaN or infinity"),
    ],
    ids=["empty", "text", "noise", "zeros", "png", "video", "cut header", "header", "no samples", "nan", "infinity"],
)
def test_what_is_not_audio_is_unreadable(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableAudio, match=says) as refusal:
        decode_reference(data, filename="clip.wav")
    assert refusal.value.param == "reference_audio"
    assert "clip.wav" in refusal.value.message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (recording(voice(0.5)), r"0\.5 s long; at least 2 s"),
        (recording(voice(1.99)), r"1\.9 s long; at least 2 s"),
        (GOOD[: 44 + RATE_HZ], r"0\.5 s long"),
        (recording(np.zeros(3 * RATE_HZ, np.float32)), "silent: its level is below -70 dBFS"),
        (recording(voice(3, amplitude=0.004)), r"silent: its level is -5\d dBFS"),
        (recording(np.sign(voice(3))), r"clipped: 100% of its samples"),
        (recording(voice(3, amplitude=1.5).clip(-1, 1)), r"clipped: \d+%"),
        (recording(voice(3, 4000), 4000), "4000 Hz; at least 8000 Hz"),
    ],
    ids=["short", "nearly", "cut off", "silent", "whisper", "square", "clipped", "4 kHz"],
)
def test_audio_that_no_voice_can_be_cloned_from_is_refused_with_what_was_measured(data: bytes, says: str) -> None:
    with pytest.raises(UnusableReference, match=says) as refusal:
        decode_reference(data, filename="clip.wav")
    assert refusal.value.param == "reference_audio"
    assert "clip.wav" in refusal.value.message


@pytest.mark.parametrize(("seconds", "is_cut"), [(3.9, False), (4.0, False), (4.2, True), *slow((1200.0, True))])
def test_no_more_than_the_callers_limit_is_used_and_it_is_told(seconds: float, is_cut: bool) -> None:
    clip = decode_reference(recording(voice(seconds, 8000), 8000), max_decode_s=4.0)
    assert len(clip.samples) == min(4.0, seconds) * 8000
    assert clip.is_cut == is_cut


@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.FLAC, AudioFormat.AAC, AudioFormat.MP3])
def test_decoding_leaves_no_threads_behind(audio_format: AudioFormat) -> None:
    """The stack of each counts as memory of the process that decodes, which has a limit."""
    data = encode_whole(voice(3), OutputFormat(audio_format), RATE_HZ)
    decode_reference(data)
    process = psutil.Process()
    num_threads = process.num_threads()
    gc.disable()
    try:
        for _ in range(5):
            decode_reference(data)
    finally:
        gc.enable()
    assert process.num_threads() == num_threads


def test_a_wav_that_claims_four_gigabytes_is_read_for_what_it_holds() -> None:
    for claimed in (4_000_000_000, 0xFFFF_FFFF):
        data = GOOD[:40] + struct.pack("<I", claimed) + GOOD[44:]
        assert len(decode_reference(data).samples) == 3 * RATE_HZ


def mp3_with_broken_frames(every: int) -> bytes:
    """Ten seconds in which each n-th frame keeps its header and holds nonsense."""
    mp3 = recording(voice(10), RATE_HZ, "MP3", "MPEG_LAYER_III")
    with av.open(io.BytesIO(mp3)) as container:
        frames = [bytes(packet) for packet in container.demux(container.streams.audio[0])]
    return b"".join(
        frame[:4] + b"\xff" * (len(frame) - 4) if number % every == 0 else frame
        for number, frame in enumerate(frames, start=1)
    )


def test_a_few_broken_frames_are_passed_over_and_many_are_refused() -> None:
    clip = decode_reference(mp3_with_broken_frames(every=50))
    assert len(clip.samples) / RATE_HZ == pytest.approx(10, abs=1)
    with pytest.raises(UnreadableAudio, match=r"damaged: \d+ of its \d+ packets"):
        decode_reference(mp3_with_broken_frames(every=4))


def test_a_recording_that_changes_its_rate_and_channels_is_read_to_its_end() -> None:
    stereo = np.stack([voice(3, 44_100)] * 2, axis=1)
    parts = [(voice(3), RATE_HZ), (stereo, 44_100)]
    clip = decode_reference(b"".join(recording(part, rate_hz, "MP3", "MPEG_LAYER_III") for part, rate_hz in parts))
    assert len(clip.samples) / RATE_HZ == pytest.approx(6, abs=0.2)
    assert np.abs(clip.samples[-RATE_HZ:]).max() == pytest.approx(0.2, abs=0.03)


def test_tags_that_are_not_utf_8_do_no_harm() -> None:
    info = b"INFOIART" + struct.pack("<I", 4) + "José".encode("latin-1")
    tagged = GOOD + b"LIST" + struct.pack("<I", len(info)) + info
    tagged = tagged[:4] + struct.pack("<I", len(tagged) - 8) + tagged[8:]
    tagged = tagged[:36] + tagged[len(GOOD) :] + tagged[36 : len(GOOD)]  # players look for tags before the samples
    assert len(decode_reference(tagged).samples) == 3 * RATE_HZ


def test_peaks_above_full_scale_are_cut_to_it() -> None:
    samples = voice(3)
    samples[1000] = 1.5
    assert decode_reference(recording(samples, subtype="FLOAT")).samples.max() == 1.0


def test_what_lies_beyond_the_limit_is_not_decoded() -> None:
    mp3 = recording(voice(5), RATE_HZ, "MP3", "MPEG_LAYER_III") + mp3_with_broken_frames(every=2)
    with pytest.raises(UnreadableAudio, match="damaged"):
        decode_reference(mp3)
    assert len(decode_reference(mp3, max_decode_s=4).samples) == 4 * RATE_HZ


def test_loud_speech_with_single_peaks_at_full_scale_is_not_clipped() -> None:
    assert decode_reference(recording(voice(3, amplitude=0.999))).samples.max() > 0.99


def test_only_runs_at_full_scale_count_as_clipped() -> None:
    samples = np.array([1, 1, 0, -1, -1, -1, 0, 1, 1, -1, 1], np.float32)
    assert clipped_share(samples) == pytest.approx(7 / 11)
    assert clipped_share(samples[:3]) == 0


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile other.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.wav\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["concat", "hls", "sdp"],
)
def test_an_uploaded_playlist_opens_no_file_and_no_address(
    playlist: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.wav").write_bytes(GOOD)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableAudio):
        decode_reference(playlist.encode())


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
)
@settings(derandomize=True, deadline=None, max_examples=40)
@given(data=st.data())
def test_damage_ends_in_a_clip_or_in_an_error_for_the_caller(container: str, subtype: str, data: st.DataObject) -> None:
    damaged = bytearray(recording(voice(2.5, 16_000), 16_000, container, subtype))
    for _ in range(data.draw(st.integers(1, 30))):
        near_start = data.draw(st.booleans())
        position = data.draw(st.integers(0, 120 if near_start else len(damaged) - 1))
        damaged[position] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(1, len(damaged))) :]
    try:
        clip = decode_reference(bytes(damaged))
    except RequestError:
        return
    assert isinstance(clip, DecodedRecording)
    assert np.isfinite(clip.samples).all()
    assert np.abs(clip.samples).max() <= 1


def many_channels(num_channels: int, voices: dict[int, Any], seconds: float = 3, mask: int | None = None) -> bytes:
    """A WAV file of 16 bits with a voice in some channels, silence in the others. `mask`: which speakers they are."""
    samples = np.zeros((round(seconds * RATE_HZ), num_channels))
    for channel, voice_of_channel in voices.items():
        samples[:, channel] = voice_of_channel
    data = (samples * 32_767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, num_channels, RATE_HZ, RATE_HZ * 2 * num_channels, 2 * num_channels, 16)
    if mask is not None:
        form = struct.pack("<H", 0xFFFE) + form[2:] + struct.pack("<HHI", 22, 16, mask) + bytes([1, 0]) + WAVE_SUBTYPE
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


WAVE_SUBTYPE = bytes.fromhex("000000001000800000aa00389b71")
LFE_OF_5_1 = 3


@pytest.mark.parametrize("num_channels", [1, 2, 3, 4, 5, 6, 7, 8, 9, *slow(10, 12, 16, 24, 32, 63, 64)])
def test_a_voice_is_found_in_whichever_channel_it_is(num_channels: int) -> None:
    for channel in {0, min(2, num_channels - 1), num_channels - 1}:
        clip = decode_reference(many_channels(num_channels, {channel: voice(3)}))
        np.testing.assert_allclose(clip.samples, voice(3), atol=2 / 32_768)


@pytest.mark.parametrize("num_channels", [65, *slow(255)])
def test_more_channels_than_ffmpeg_converts_are_refused(num_channels: int) -> None:
    with pytest.raises(UnreadableAudio, match=r"not audio|at most 64"):
        decode_reference(many_channels(num_channels, {0: voice(3)}))


@pytest.mark.parametrize(
    ("container", "codec", "layout", "num_channels"),
    [
        ("flac", "flac", "7.1", 8),
        ("ogg", "libopus", "7.1", 8),
        ("matroska", "pcm_s16le", "7.1", 8),
        ("adts", "aac", "5.1", 6),  # FFmpeg 9 writes no 7.1 into ADTS
    ],
)
def test_surround_sound_of_any_format_is_read(container: str, codec: str, layout: str, num_channels: int) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000, layout=layout)
        samples = np.zeros((1, num_channels * 48_000 * 3), np.float32)
        samples[0, 2::num_channels] = voice(3, 48_000)  # front centre
        frame = av.AudioFrame.from_ndarray(samples, "flt", layout)
        frame.sample_rate = 48_000
        for converted in av.AudioResampler(stream.codec_context.format, layout, 48_000).resample(frame):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    clip = decode_reference(file.getvalue())
    assert np.abs(clip.samples).max() == pytest.approx(0.2, abs=0.03)


def test_rumble_of_the_effects_channel_is_not_taken_for_the_voice() -> None:
    rumble = 0.9 * np.sin(2 * np.pi * 60 * np.arange(3 * RATE_HZ) / RATE_HZ)
    clip = decode_reference(many_channels(6, {2: voice(3), LFE_OF_5_1: rumble}, mask=0x3F))
    np.testing.assert_allclose(clip.samples, voice(3), atol=2 / 32_768)


def test_an_input_with_an_offset_and_no_sound_is_not_taken_for_the_voice() -> None:
    clip = decode_reference(many_channels(4, {1: voice(3), 3: 0.9}))
    np.testing.assert_allclose(clip.samples, voice(3), atol=2 / 32_768)


@pytest.mark.parametrize("factor", [-1.0, -0.9, -0.7, -0.5], ids=str)
@pytest.mark.parametrize("noise", [0.0, 0.002], ids=["clean", "noisy"])
def test_channels_that_cancel_each_other_are_not_averaged(factor: float, noise: float) -> None:
    random = np.random.default_rng(0)
    left, right = (side * voice(3) + random.normal(0, noise, 3 * RATE_HZ) for side in (1.0, factor))
    clip = decode_reference(many_channels(2, {0: left, 1: right}))
    # The louder of the two, which with noise may be either.
    assert np.std(clip.samples) == pytest.approx(np.std(left), rel=0.05)


def test_a_channel_that_is_inverted_and_late_is_no_harm() -> None:
    late = np.concatenate([np.zeros(240), -voice(3)[:-240]])
    clip = decode_reference(many_channels(2, {0: voice(3), 1: late}))
    assert np.abs(clip.samples).max() > 0.1


@pytest.mark.parametrize("is_odd", [False, True])
def test_wav_files_that_were_joined_end_to_end_are_all_read(is_odd: bool) -> None:
    first, second = recording(voice(3)), recording(voice(2.5, 16_000), 16_000)
    if is_odd:  # a chunk of odd length, whose padding byte the head does not count
        first = first + b"note" + struct.pack("<I", 1) + b"x"
        first = first[:4] + struct.pack("<I", len(first) - 8) + first[8:] + b"\0"
    clip = decode_reference(first + second + first)
    assert len(clip.samples) / RATE_HZ == pytest.approx(8.5, abs=0.01)


@pytest.mark.parametrize("container", ["WAV", "AIFF", "FLAC", "OGG", "MP3"])
def test_two_files_of_one_format_that_were_joined_are_both_read(container: str) -> None:
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(container, "PCM_16")
    clip = decode_reference(recording(voice(3), RATE_HZ, container, subtype) * 2)
    assert len(clip.samples) / RATE_HZ == pytest.approx(6, abs=0.15)


def test_a_limit_ends_joined_files_too() -> None:
    clip = decode_reference(recording(voice(3)) * 3, max_decode_s=4)
    assert (len(clip.samples), clip.is_cut) == (4 * RATE_HZ, True)
