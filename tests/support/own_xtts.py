"""Config and vocabulary of the project's own, in the layout of the released ones."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from TTS.config.shared_configs import BaseDatasetConfig
from TTS.tts.configs.xtts_config import XttsConfig

LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"]
RELEASED_ARGS = {
    "gpt_number_text_tokens": 6681,
    "gpt_num_audio_tokens": 1026,
    "gpt_start_audio_token": 1024,
    "gpt_stop_audio_token": 1025,
    "gpt_use_perceiver_resampler": True,
}
"""Differences of the released model from the TTS package's defaults."""


def own_config() -> dict[str, Any]:
    """The TTS package's `config.json`, `Infinity` included, with the values of the released model."""
    config = XttsConfig(
        datasets=[BaseDatasetConfig()],
        save_best_after=10000,
        temperature=0.75,
        repetition_penalty=5.0,
        gpt_cond_len=30,
        max_ref_len=30,
        languages=LANGUAGES,
    )
    written = json.loads(config.to_json())
    written["model_args"] |= RELEASED_ARGS
    return written | {"model_dir": None}


def write_own_vocabulary(path: Path) -> None:
    """A small BPE vocabulary with XTTS's special tokens; [STOP] is 0 and [START] is 261, as published."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))  # noqa: S106 - the word for unknown characters
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = [
        "the quick brown fox jumps over the lazy dog and then there was nothing more to say about that",
        "éàüßñçãőğıáí",
    ]
    alphabet = [
        chr(code) for block in ((0x21, 0x7F), (0xC0, 0x250), (0x400, 0x460), (0x900, 0x970)) for code in range(*block)
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=1400, special_tokens=["[STOP]", "[UNK]", "[SPACE]"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    vocabulary = json.loads(tokenizer.to_str())
    words = vocabulary["model"]["vocab"]
    displaced = next(word for word, id in words.items() if id == 261)
    words[displaced], words["[START]"] = len(words), 261
    for language in LANGUAGES:
        words[f"[{language}]"] = len(words)
    for code in range(0x621, 0x653):  # Arabic; behind the others, whose ids stay
        words.setdefault(chr(code), len(words))
    path.write_text(json.dumps(vocabulary))
    tokenizer = Tokenizer.from_file(str(path))
    specials = ["[STOP]", "[UNK]", "[SPACE]", "[START]", *(f"[{language}]" for language in LANGUAGES)]
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in specials])
    tokenizer.save(str(path))
