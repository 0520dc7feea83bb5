"""The prefixes of the voices that spoke last: a prompt is computed from its text on, in half of the time."""

from collections import OrderedDict

import torch

from app.engine.xtts.device.copies import to_device
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.prompt import VoicePrefix

MAX_VOICES = 8
"""Each takes 8 MB in float32."""


class VoicePrefixes:
    """Forgets the voice that has not spoken for the longest time. Used on the device's thread.

    Voices are told apart by their values, because a saved voice is read anew for each request.
    """

    def __init__(self, decoder: Decoder, device: torch.device, *, max_voices: int = MAX_VOICES) -> None:
        self._decoder = decoder
        self._device = device
        self._max_voices = max_voices
        self._prefixes: OrderedDict[bytes, VoicePrefix] = OrderedDict()

    def of(self, conditioning_latents: torch.Tensor) -> VoicePrefix:
        """conditioning_latents   [32, channels] on the host"""
        key = conditioning_latents.numpy().tobytes()
        if key not in self._prefixes:
            self._prefixes[key] = self._decoder.read_voice(to_device(conditioning_latents, self._device))
        self._prefixes.move_to_end(key)
        while len(self._prefixes) > self._max_voices:
            self._prefixes.popitem(last=False)
        return self._prefixes[key]
