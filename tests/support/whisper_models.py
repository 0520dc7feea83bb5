"""Whisper models of a few kilobytes a layer, with random weights, in the form of CTranslate2."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from faster_whisper.tokenizer import _LANGUAGE_CODES
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

MULTILINGUAL, ENGLISH_ONLY, LARGE_V3 = 51_865, 51_864, 51_866
"""Tokens of the vocabularies."""
WIDTH, NUM_HEADS = 16, 2
NUMBER_FORMATS = {"float32": 0, "int8": 1, "int16": 2, "float16": 4}


def make_whisper(
    folder: Path,
    *,
    num_layers: tuple[int, int] = (2, 2),
    num_mels: int = 80,
    num_tokens: int = MULTILINGUAL,
    specification: str = "WhisperSpec",
    version: int = 6,
    revision: int = 3,
) -> Path:
    """Write a model with all its files but the preprocessor's. `num_layers`: of the encoder and the decoder."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = dict(_variables(num_layers, num_mels, num_tokens))
    with (folder / "model.bin").open("wb") as file:
        file.write(struct.pack("<I", version) + _string(specification) + struct.pack("<II", revision, len(variables)))
        for name, value in variables.items():
            file.write(_string(name) + struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape))
            file.write(struct.pack("<BI", NUMBER_FORMATS[value.dtype.name], value.nbytes) + value.tobytes())
        file.write(struct.pack("<I", 1) + _string("decoder/projection/weight") + _string("decoder/embeddings/weight"))
    tokens = vocabulary(num_tokens)
    (folder / "vocabulary.json").write_text(json.dumps(tokens))
    languages = [
        number for number, token in enumerate(tokens) if token.strip("<|>") in _LANGUAGE_CODES and "|" in token
    ]
    config = {"suppress_ids": [], "suppress_ids_begin": [], "lang_ids": languages, "alignment_heads": [[0, 0]]}
    (folder / "config.json").write_text(json.dumps(config))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    return folder


def vocabulary(num_tokens: int) -> list[str]:
    """Tokens in the order of Whisper's: bytes, words, special tokens, timestamps."""
    languages = [code for code in _LANGUAGE_CODES if code != "yue" or num_tokens == LARGE_V3]
    tasks = ("translate", "transcribe", "startoflm", "startofprev", "nocaptions", "notimestamps")
    special = [f"<|{name}|>" for name in ("endoftext", "startoftranscript", *languages, *tasks)]
    times = [f"<|{number * 0.02:.2f}|>" for number in range(1501)]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"w{number}" for number in range(num_tokens - len(letters) - len(special) - len(times))]
    if num_tokens > ENGLISH_ONLY:
        words[-1] = ""  # by which CTranslate2 tells multilingual vocabularies
    return [*letters, *words, *special, *times]


def _tokenizer(tokens: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens if token.startswith("<|")])
    return tokenizer


def _string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def _variables(
    num_layers: tuple[int, int], num_mels: int, num_tokens: int
) -> Iterator[tuple[str, NDArray[np.float32] | NDArray[np.int8] | NDArray[np.int16]]]:
    random = np.random.default_rng(0)

    def weights(*shape: int) -> NDArray[np.float32]:
        return random.normal(0, 0.1, shape).astype(np.float32)

    def norm(name: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
        yield f"{name}/gamma", np.ones(WIDTH, np.float32)
        yield f"{name}/beta", np.zeros(WIDTH, np.float32)

    def linear(name: str, outputs: int, inputs: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        yield f"{name}/weight", weights(outputs, inputs)
        yield f"{name}/bias", weights(outputs)

    def attention(name: str, *outputs: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        yield from norm(f"{name}/layer_norm")
        for number, size in enumerate(outputs):
            yield from linear(f"{name}/linear_{number}", size, WIDTH)

    for part, count in zip(("encoder", "decoder"), num_layers, strict=True):
        for number in range(count):
            layer = f"{part}/layer_{number}"
            yield from attention(f"{layer}/self_attention", 3 * WIDTH, WIDTH)
            if part == "decoder":
                yield from attention(f"{layer}/attention", WIDTH, 2 * WIDTH, WIDTH)
            yield from norm(f"{layer}/ffn/layer_norm")
            yield from linear(f"{layer}/ffn/linear_0", 4 * WIDTH, WIDTH)
            yield from linear(f"{layer}/ffn/linear_1", WIDTH, 4 * WIDTH)
        yield from norm(f"{part}/layer_norm")
        yield f"{part}/num_heads", np.array(NUM_HEADS, np.int16)
    for number, channels in enumerate((num_mels, WIDTH), start=1):
        yield f"encoder/conv{number}/weight", weights(WIDTH, channels, 3)
        yield f"encoder/conv{number}/bias", weights(WIDTH)
    yield "encoder/position_encodings/encodings", weights(1500, WIDTH)
    yield "decoder/position_encodings/encodings", weights(448, WIDTH)
    yield "decoder/embeddings/weight", weights(num_tokens, WIDTH)
    for name, flag in {"activation": 3, "alibi": 0, "pre_norm": 1, "scale_embeddings": 0}.items():
        yield f"decoder/{name}", np.array(flag, np.int8)
    yield "decoder/start_from_zero_embedding", np.array(0, np.int8)
    yield "decoder/alignment_heads", np.array(1, np.int16)
    yield "decoder/alignment_layer", np.array(-1, np.int16)
