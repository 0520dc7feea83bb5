"""Checkpoints as fine-tuning scripts leave them, made from one of `write_checkpoint`."""

import json
from pathlib import Path

import torch

VIETNAMESE = ("xin", "chào", "tôi", "là", "người", "việt", "nam")


def add_language(folder: Path, code: str = "vi", words: tuple[str, ...] = VIETNAMESE) -> Path:
    """Extend the vocabulary and the model's text embedding, and list the language."""
    path = folder / "vocab.json"
    vocabulary = json.loads(path.read_text())
    ids: dict[str, int] = vocabulary["model"]["vocab"]
    letters = dict.fromkeys(letter for word in words for letter in word)
    for token in (*letters, f"[{code}]"):
        if token not in ids:
            ids[token] = len(ids)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    vocabulary["added_tokens"].append({"id": ids[f"[{code}]"], "content": f"[{code}]"} | flags)
    path.write_text(json.dumps(vocabulary))
    _grow_text_layers(folder / "model.pth", len(ids))
    return list_languages(folder, *json.loads((folder / "config.json").read_text())["languages"], code)


def list_languages(folder: Path, *codes: str) -> Path:
    """Make `config.json` list these languages, whatever the vocabulary has."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"languages": codes}))
    return folder


def _grow_text_layers(path: Path, num_tokens: int) -> None:
    saved = torch.load(path, weights_only=False)
    tensors: dict[str, torch.Tensor] = saved["model"]
    for name in ("gpt.text_embedding.weight", "gpt.text_head.weight", "gpt.text_head.bias"):
        tensor = tensors[name]
        num_more = max(0, num_tokens - tensor.shape[0])
        tensors[name] = torch.cat([tensor, tensor.mean(dim=0).expand(num_more, *tensor.shape[1:])])
    torch.save(saved, path)
