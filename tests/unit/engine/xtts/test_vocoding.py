"""Order of the vocoder's work among the segments of one text."""

import pytest
import torch

from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from app.engine.xtts.runaway import Budget
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.vocoder.vocoder import Vocoder
from app.engine.xtts.vocoding import VocodeStage
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.text.segments import Boundary, Segment
from tests.support.requests import RecordingSink
from tests.support.xtts import Pair

EXPECTED_S = 5.0
MAX_AHEAD_S = 2.0


def stage(tiny: Pair) -> VocodeStage:
    checkpoint = tiny.checkpoint
    return VocodeStage(
        Vocoder(checkpoint.networks.generator),
        checkpoint.config.model_args,
        chunks_per_turn=2,
        latents_of=lambda sequence: sequence.latents if sequence.latents is not None else torch.zeros(0, 0),
        on_made=lambda *_: None,
        on_end=lambda _: None,
        lookahead_steps=0,
        max_ahead_s=MAX_AHEAD_S,
    )


def text_of_two(tiny: Pair, *, streaming: bool = True) -> tuple[XttsSequence, XttsSequence]:
    """Two segments of a text that was admitted and began at 0 s: the first is being decoded, the second is decoded."""
    args = tiny.checkpoint.config.model_args
    segments = [
        XttsSequence(
            segment=Segment(index, "", Boundary.SENTENCE),
            language="en",
            spoken_text="",
            normal_s=EXPECTED_S,
            model_args=args,
            text_tokens=(0,),
            budget=Budget(args.max_audio_codes, args.max_audio_codes),
        )
        for index in range(2)
    ]
    conditioning = VoiceConditioning(torch.zeros(1, args.gpt_n_model_channels), torch.zeros(args.d_vector_dim, 1))
    request = Request(
        sequences=tuple(segments),
        voice=Voice(id="", conditioning=conditioning),
        sampling=SamplingParams(seed=0),
        streaming=streaming,
    )
    request.admit(RecordingSink(), 0.0)
    request.started_at_s, request.num_started, request.in_progress = 0.0, 2, tuple(segments)
    first, second = segments
    second.latents, second.num_latents = torch.zeros(60, args.gpt_n_model_channels), 60
    return first, second


@pytest.mark.parametrize(
    ("now_s", "is_made"), [(EXPECTED_S - MAX_AHEAD_S - 0.1, False), (EXPECTED_S - MAX_AHEAD_S + 0.1, True)]
)
def test_a_later_segment_waits_while_an_earlier_one_is_decoded_until_it_is_soon_heard(
    tiny: Pair, now_s: float, *, is_made: bool
) -> None:
    vocoding, (first, second) = stage(tiny), text_of_two(tiny)
    vocoding.decoded.append(second)
    vocoding.run([first], now_s)
    assert (second.num_chunks > 0) is is_made


def test_a_later_segment_waits_for_nothing_when_no_segment_is_decoded(tiny: Pair) -> None:
    vocoding, (_, second) = stage(tiny), text_of_two(tiny)
    vocoding.decoded.append(second)
    vocoding.run([], 0.0)
    assert second.num_chunks > 0


def test_a_segment_of_a_whole_answer_waits_for_no_other(tiny: Pair) -> None:
    vocoding, (first, second) = stage(tiny), text_of_two(tiny, streaming=False)
    vocoding.decoded.append(second)
    vocoding.run([first], 0.0)
    assert second.num_chunks > 0


def test_segments_of_books_wait_for_a_stream_that_has_no_chunk_ready_yet(tiny: Pair) -> None:
    vocoding, (_, book) = stage(tiny), text_of_two(tiny, streaming=False)
    stream, _ = text_of_two(tiny)
    book.request.is_background = True
    vocoding.decoded.append(book)
    vocoding.run([stream], 0.0, must_yield=True)
    assert book.num_chunks == 0
    vocoding.run([stream], 0.0)
    assert book.num_chunks > 0


def test_segments_of_books_wait_for_nobody_when_nothing_else_is_in_progress(tiny: Pair) -> None:
    vocoding, (_, book) = stage(tiny), text_of_two(tiny, streaming=False)
    book.request.is_background = True
    vocoding.decoded.append(book)
    vocoding.run([], 0.0, must_yield=True)
    assert book.num_chunks > 0
