"""The checks of one request, put between its engine and its stream."""

from app.asr.base import Recognizer
from app.engine.base import Engine
from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.errors import TranscriptionUnavailable
from app.speech.checking.checked_chunks import CheckedChunks, HeldChunks
from app.speech.checking.listening import KnownSegment, SegmentListener
from app.speech.checking.mending import SegmentMender
from app.speech.checking.reports import PATIENCE_S, SegmentReports
from app.speech.playback import Listener
from app.speech.receipt import Chunks
from app.speech.request import SpeechRequest
from app.text.lexicon import FindLexicons


def open_checks(
    chunks: ChunkStream,
    *,
    engine: Engine,
    recognizer: Recognizer | None,
    asked: SpeechRequest,
    submitted: Request,
    listener: Listener,
    language: str,
    find_lexicons: FindLexicons,
) -> tuple[Chunks, SegmentReports | None]:
    """The chunks as they are to be delivered, and the reports; `chunks` themselves and None where nothing is asked for.

    asked      with the mode of its check
    submitted  the same request, as the engine has it
    """
    is_checked = asked.check in ("report", "retry")
    if recognizer is None or not (is_checked or asked.word_times):
        return chunks, None
    known = [KnownSegment(each.segment.text, each.spoken_text, each.language) for each in submitted.sequences]
    heard_by = SegmentListener(recognizer, known, engine.info.sample_rate_hz, checks=is_checked)
    is_followed = asked.streaming and asked.listener is not None
    reports = SegmentReports(
        heard_by,
        words=asked.word_times,
        checks=is_checked,
        # Audio of the next answer comes behind the verdicts of this one. Words are asked for and waited for.
        patience_s=listener.patience_s if is_followed and not asked.word_times else lambda: PATIENCE_S,
    )
    if asked.check != "retry":
        return chunks, reports
    mender = SegmentMender(engine, submitted, language, find_lexicons, heard_by)
    if asked.streaming:
        return HeldChunks(chunks, mender, reports.know, listener), reports
    return CheckedChunks(chunks, mender, reports.know), reports


def check_recognizer(request: SpeechRequest, recognizer: Recognizer | None) -> None:
    """Raises TranscriptionUnavailable for words and checks where there is no recogniser."""
    if recognizer is not None:
        return
    missing = "a speech recogniser, which this server does not have: `recognizer_missing` in /health says how to add it"
    if request.check not in (None, "off"):
        raise TranscriptionUnavailable(
            f"a check of the speech needs {missing}; with `check` `off` the text is spoken unchecked", param="check"
        )
    if request.word_times:
        raise TranscriptionUnavailable(f"times of words need {missing}")
