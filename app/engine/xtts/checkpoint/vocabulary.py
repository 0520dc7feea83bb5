"""The tokenizer of a checkpoint, checked against its networks."""

from pathlib import Path

from app.engine.xtts.config import ModelConfig
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.errors import UnusableCheckpoint


def read_tokenizer(vocabulary: Path, decoder: Decoder, config: ModelConfig) -> TextTokenizer:
    """Raises UnusableCheckpoint when the file is no vocabulary, or another model's."""
    tokenizer = TextTokenizer(vocabulary, max_text_tokens=config.model_args.gpt_max_text_tokens)
    if tokenizer.num_tokens > decoder.text_embedding.num_embeddings:
        raise UnusableCheckpoint(
            f"{vocabulary} has {tokenizer.num_tokens} tokens, the model reads {decoder.text_embedding.num_embeddings}: "
            "it is another model's",
            param="CHORUS_MODEL",
        )
    special_ids = decoder.start_text_token, decoder.stop_text_token
    if tokenizer.special_ids != special_ids:
        raise UnusableCheckpoint(
            f"{vocabulary} has [START] and [STOP] at {tokenizer.special_ids}, the model has them at {special_ids}: "
            "it is another model's",
            param="CHORUS_MODEL",
        )
    return tokenizer
