"""Reference clips to the conditioning of a voice.

Written after Xtts.get_conditioning_latents of the TTS package, on samples instead of files.
"""

from collections.abc import Generator, Sequence
from typing import Protocol

import torch
from torchaudio.functional import resample
from torchaudio.transforms import MelSpectrogram
from TTS.encoder.models.resnet import ResNetSpeakerEncoder
from TTS.tts.layers.xtts.perceiver_encoder import PerceiverResampler

from app.audio.reference import ReferenceClip
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.model.conditioning_encoder import NUM_MELS, ConditioningEncoder
from app.engine.xtts.voice.speakers import VoiceConditioning, conditioning_of
from app.errors import EngineFailure, UnusableReference

MIN_PIECE_S = 0.33
"""A shorter piece at the end of a clip is left out."""
RESAMPLE_MARGIN_S = 0.1
"""Audio after the last second that is used, for the resampler's filter."""
PEAK = 0.75
SPEAKER_ENCODER_RATE_HZ = 16_000


class VoiceNetworks(Protocol):
    """The networks that listen."""

    @property
    def conditioning_encoder(self) -> ConditioningEncoder: ...

    @property
    def perceiver(self) -> PerceiverResampler: ...

    @property
    def speaker_encoder(self) -> ResNetSpeakerEncoder: ...

    @property
    def mel_stats(self) -> torch.Tensor: ...


class Conditioner:
    def __init__(self, networks: VoiceNetworks, config: ModelConfig, device: torch.device) -> None:
        self._networks = networks
        self._config = config
        self._device = device
        self._rate_hz = config.model_args.input_sample_rate
        self._mel = MelSpectrogram(
            sample_rate=self._rate_hz,
            n_fft=2048,
            win_length=1024,
            hop_length=256,
            power=2,
            normalized=False,
            f_min=0,
            f_max=8000,
            n_mels=NUM_MELS,
            norm="slaney",
        ).to(device)

    def condition(self, clips: Sequence[ReferenceClip]) -> VoiceConditioning:
        """The voice of the clips, all at once. Raises as `pieces` does."""
        pieces = self.pieces(clips)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return end.value

    @torch.inference_mode()
    def pieces(self, clips: Sequence[ReferenceClip]) -> Generator[None, None, VoiceConditioning]:
        """Compute the voice of the clips, stopping after each piece of the work; returns it at the end.

        Embeddings are averaged over the clips; latents are of all clips one after the other. A piece is a block of a
        network: 0.1 s of a CPU for a recording of 30 s. Raises UnusableReference when the clips are too short together,
        EngineFailure when the result is not finite.
        """
        recordings: list[torch.Tensor] = []
        for clip in clips:
            recordings.append(self._recording(clip))
            yield
        embeddings: list[torch.Tensor] = []
        for recording in recordings:
            embeddings.append((yield from self._speaker_embedding(recording)))
        latents = yield from self._latents(torch.cat(recordings, dim=-1))
        voice = conditioning_of(latents.cpu(), torch.stack(embeddings).mean(dim=0).cpu())
        if not (voice.gpt_conditioning_latents.isfinite().all() and voice.speaker_embedding.isfinite().all()):
            raise EngineFailure("the recordings gave a voice that is not a number")
        return voice

    def _recording(self, clip: ReferenceClip) -> torch.Tensor:
        """[1, samples] at the model's rate, at most `max_ref_len` seconds."""
        seconds = self._config.max_ref_len
        used = clip.samples[: round((seconds + RESAMPLE_MARGIN_S) * clip.sample_rate_hz)]
        audio = torch.from_numpy(used.copy())[None].to(self._device)
        audio = resample(audio, clip.sample_rate_hz, self._rate_hz).clip(-1, 1)[:, : self._rate_hz * seconds]
        if self._config.sound_norm_refs:
            audio = audio / audio.abs().max() * PEAK
        return audio

    def _speaker_embedding(self, recording: torch.Tensor) -> Generator[None, None, torch.Tensor]:
        """[1, 512, 1], of unit length: ResNetSpeakerEncoder.forward, block by block."""
        encoder = self._networks.speaker_encoder
        audio = resample(recording, self._rate_hz, SPEAKER_ENCODER_RATE_HZ)
        assert encoder.torch_spec is not None, "the networks are built with it"
        features: torch.Tensor = encoder.torch_spec(audio)
        if encoder.log_input:
            features = (features + 1e-6).log()
        x: torch.Tensor = encoder.bn1(encoder.relu(encoder.conv1(encoder.instancenorm(features).unsqueeze(1))))
        yield
        for layer in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4):
            for block in layer:
                x = block(x)
                yield
        x = x.reshape(x.shape[0], -1, x.shape[-1])
        weights = encoder.attention(x)
        mean = (x * weights).sum(dim=2)
        deviation = ((x**2 * weights).sum(dim=2) - mean**2).clamp(min=1e-5).sqrt()
        embedding = encoder.fc(torch.cat((mean, deviation), dim=1))
        return torch.nn.functional.normalize(embedding, p=2, dim=1)[..., None]

    def _latents(self, audio: torch.Tensor) -> Generator[None, None, torch.Tensor]:
        """[1, 32, channels]: the mean over stretches of `gpt_cond_chunk_len` seconds."""
        audio = audio[:, : self._rate_hz * self._config.gpt_cond_len]
        stretches = [
            stretch
            for stretch in audio.split(self._rate_hz * self._config.gpt_cond_chunk_len, dim=1)
            if stretch.shape[1] >= self._rate_hz * MIN_PIECE_S
        ]
        if not stretches:
            raise UnusableReference(
                f"the recordings are shorter than {MIN_PIECE_S:g} s together", param="reference_audio"
            )
        latents: list[torch.Tensor] = []
        for stretch in stretches:
            latents.append((yield from self._stretch_latents(stretch)))
        return torch.stack(latents).mean(dim=0)

    def _stretch_latents(self, stretch: torch.Tensor) -> Generator[None, None, torch.Tensor]:
        mel = self._mel(stretch).clamp(min=1e-5).log() / self._networks.mel_stats[None, :, None]
        encoder = self._networks.conditioning_encoder
        encoded = encoder.init(mel)
        for block in encoder.attn:
            encoded = block(encoded)
            yield
        latents = self._networks.perceiver(encoded.transpose(1, 2))
        yield
        return latents
