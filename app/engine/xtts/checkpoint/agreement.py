"""How near a checkpoint's decoder in int8 comes to the one in float32.

The decoder in float32 speaks a sentence in each language, with sampling as released; then the same codes are said to
the decoder in int8, and the logits of both are compared step by step. Released weights may have outliers that random
ones lack, so each checkpoint is asked.
"""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch

from app.engine.xtts.checkpoint.manifest import Agreement
from app.engine.xtts.checkpoint.networks import Networks
from app.engine.xtts.checkpoint.recording import Recording
from app.engine.xtts.checkpoint.sample_texts import SAMPLE_TEXTS
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.int8 import QuantizedMatrix, find_row_limit
from app.engine.xtts.model.prompt import num_prompt_positions
from app.engine.xtts.runner.sampler import draw, filter_logits, top_p_tail_of
from app.engine.xtts.text.languages import find_languages
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.engine.xtts.voice.conditioning import Conditioner
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.errors import EngineFailure, UnusableReference
from app.startup import Check, unchecked

NUM_STEPS = 32
"""Codes of each sentence: 1.5 s of speech, which no sentence is shorter than."""

ChooseCodes = Callable[[int, torch.Tensor], torch.Tensor]
"""(step, logits [texts, codes]) -> the codes [texts] that are said"""


@torch.inference_mode()
def measure_agreement(
    decoder: Decoder,
    int8_weights: Mapping[str, QuantizedMatrix],
    *,
    config: ModelConfig,
    tokenizer: TextTokenizer,
    conditioning_latents: torch.Tensor,
    check: Check = unchecked,
) -> Agreement | None:
    """Compare a decoder in float32 on the CPU, which is left as it is, with one of the int8 weights.

    conditioning_latents   [32, channels], of the voice that speaks

    None where no language of the checkpoint has a sentence here. Takes one to five minutes on two cores for the
    released architecture; `check` is called between steps, and raises to give up.
    """
    languages = [name for name in find_languages(config.languages, tokenizer.has_mark).spoken if name in SAMPLE_TEXTS]
    if not languages:
        return None
    texts = [
        torch.tensor(tokenizer.encode(tokenizer.clean(SAMPLE_TEXTS[name], name), name)[: tokenizer.max_text_tokens - 1])
        for name in languages
    ]
    speech = _Speech(decoder, config, len(texts))
    exact = logits_of(decoder, conditioning_latents, texts, NUM_STEPS, speech.choose, check)
    quantized = copy.deepcopy(decoder, {id(parameter): parameter for parameter in decoder.parameters()})
    quantized.to_int8(int8_weights)
    ours = logits_of(quantized, conditioning_latents, texts, NUM_STEPS, lambda step, _: speech.codes[step], check)
    audio = torch.ones(exact.shape[-1], dtype=torch.bool)
    audio[[decoder.start_audio_token, config.model_args.gpt_stop_audio_token]] = False
    difference = (ours - exact)[..., audio].norm() / exact[..., audio].norm()
    return Agreement(
        same_best=float((ours.argmax(dim=-1) == exact.argmax(dim=-1)).float().mean()),
        relative_error=float(difference.nan_to_num(nan=1.0, posinf=1.0)),
        num_steps=len(texts) * NUM_STEPS,
        languages=tuple(languages),
        row_limit=find_row_limit(),
    )


class _Speech:
    """Samples codes as released, without the one that ends a segment, and keeps them."""

    def __init__(self, decoder: Decoder, config: ModelConfig, num_texts: int) -> None:
        self.codes: list[torch.Tensor] = []
        self._ends = [decoder.start_audio_token, config.model_args.gpt_stop_audio_token]
        self._seen = torch.zeros(num_texts, decoder.mel_embedding.num_embeddings, dtype=torch.bool)
        self._seeds = torch.arange(num_texts)
        self._options = {
            "temperature": torch.full((num_texts,), config.temperature),
            "top_k": torch.full((num_texts,), config.top_k),
            "top_p_tail": torch.full((num_texts,), top_p_tail_of(config.top_p)),
            "repetition_penalty": torch.full((num_texts,), config.repetition_penalty),
        }

    def choose(self, step: int, logits: torch.Tensor) -> torch.Tensor:
        logits = logits.index_fill(1, torch.tensor(self._ends), -1e9)
        scores = filter_logits(logits.nan_to_num(), self._seen, **self._options)
        codes = draw(scores, self._seeds, torch.full_like(self._seeds, step))
        self._seen.scatter_(1, codes[:, None], True)
        self.codes.append(codes)
        return codes


@torch.inference_mode()
def logits_of(
    decoder: Decoder,
    conditioning_latents: torch.Tensor,
    texts: Sequence[torch.Tensor],
    num_steps: int,
    choose: ChooseCodes,
    check: Check = unchecked,
) -> torch.Tensor:
    """Logits [texts, steps, codes], float32 on the CPU, of a decoder to which the codes of `choose` are said.

    texts   each [text tokens] int64
    """
    device = decoder.mel_embedding.weight.device
    lengths = torch.tensor([num_prompt_positions(len(text)) for text in texts], device=device)
    cache = decoder.new_cache(slots=len(texts), positions=int(lengths.max()) + num_steps, device=device)
    voice = decoder.read_voice(conditioning_latents.to(device))
    steps: list[torch.Tensor] = []
    for slot, text in enumerate(texts):  # one by one: a prefill of all takes seconds, in which nobody could give up
        check()
        steps.append(decoder.prefill(cache, slot, [voice], [text.tolist()])[0].float().cpu())
    steps = [torch.cat(steps)]
    for step in range(num_steps - 1):
        check()
        codes = choose(step, steps[-1]).to(device)
        places = torch.full_like(lengths, step + 1)
        logits, _ = decoder.decode(cache, codes, places, lengths + step, max_positions=cache.positions)
        steps.append(logits.float().cpu())
    return torch.stack(steps, dim=1)


def find_voice(
    speakers: Mapping[str, VoiceConditioning], recording: Recording | None, networks: Networks, config: ModelConfig
) -> torch.Tensor | None:
    """Latents [32, channels] of the first speaker, or of the recording; None where a checkpoint has neither."""
    if speakers:
        return next(iter(speakers.values())).gpt_conditioning_latents
    if recording is None:
        return None
    try:
        return Conditioner(networks, config, torch.device("cpu")).condition([recording.clip]).gpt_conditioning_latents
    except (UnusableReference, EngineFailure):
        return None
