"""Alignment on the model's thread: one encoder pass for several segments, and at most two passes of their known texts.

The first pass gives the probability of each word, in its written and in its spoken form, and the time of each letter.
The second one, for segments with an unlikely word or too much sound, compares their texts with those of `edits` and,
where insertions are looked for, of `insertions`: words that a transcript of the same encoded speech has more.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from itertools import accumulate, pairwise

import msgspec
import numpy as np

from app.asr.alignment import MIN_INSERTED_GAIN, Alignment, Edit, KnownSpeech
from app.asr.edits import Candidate, candidates
from app.asr.inference import Encoded, Features, Network, TokenTimes
from app.asr.insertions import insertions, may_have_more
from app.asr.known_tokens import KnownTokens, Tokens, flat, tokens_of
from app.asr.known_words import KnownWord
from app.asr.placing import WordSounds
from app.asr.samples import as_float32
from app.asr.sound import FRAME_S
from app.errors import EngineFailure

logger = logging.getLogger(__name__)

BUCKET_FRAMES = 250
"""Features of a segment are padded to a multiple of it, so that segments share an encoder pass."""
MIN_PADDING_FRAMES = 30
MAX_ROWS = 16
"""Texts that are compared in one call: 1.5 MB each for 30 s (base)."""
MAX_MORE_TOKENS = 16
"""Tokens of a transcript beyond those of the known text."""
LEAST_PROBABILITY = 1e-6
"""int8 weights tell smaller ones apart by chance."""


class AlignJob:
    """One segment on its way through the model.

    words       of the text; not empty
    on_result   called on the model's thread, once, unless the job is cancelled
    """

    def __init__(
        self,
        owner: Hashable,
        speech: KnownSpeech,
        words: Sequence[KnownWord],
        features: Features,
        *,
        on_result: Callable[[Alignment | BaseException | None], None],
    ) -> None:
        self.owner = owner
        self.speech = speech
        self.words = words
        self.features = features
        self.on_result = on_result

    @property
    def batch_key(self) -> Hashable:
        return "align", self.speech.language, self.features.shape[1]


def num_frames_for(duration_s: float, *, longest: int) -> int:
    """Frames of features: the speech, some silence behind it, and what fills a bucket."""
    needed = round(duration_s / FRAME_S) + MIN_PADDING_FRAMES
    return min(longest, -(-needed // BUCKET_FRAMES) * BUCKET_FRAMES)


def run_alignments(network: Network, batch: Sequence[AlignJob]) -> None:
    """Answer every job of a batch, whose keys are equal. A batch of none is none."""
    if not batch:
        return
    try:
        results = _align(network, batch)
    except Exception as error:  # the turn's boundary
        logger.error("the recogniser failed on %d segments to align", len(batch), exc_info=error)
        failure = EngineFailure(f"the recogniser failed: {error}")
        failure.__cause__ = error
        results = [failure] * len(batch)
    for job, result in zip(batch, results, strict=True):
        job.on_result(result)


class _Heard(msgspec.Struct, frozen=True, eq=False):
    """The first pass of one segment. Times in seconds."""

    words: list[Tokens]
    """each in its likelier form"""
    end: Tokens
    probabilities: list[float]
    sounds: WordSounds


def _align(network: Network, batch: Sequence[AlignJob]) -> list[Alignment | None]:
    texts = [tokens_of(network, job.words, job.speech.language) for job in batch]
    rows = [row for row, text in enumerate(texts) if text.fit]
    alignments: list[Alignment | None] = [None] * len(batch)
    if not rows:
        return alignments
    encoded = network.encode([batch[row].features for row in rows])
    jobs = [batch[row] for row in rows]
    scorer = _Scorer(network, jobs, encoded)
    heard = _first_pass(scorer, jobs, [texts[row] for row in rows])
    edits = _second_pass(network, scorer, jobs, heard, _more_words(network, jobs, encoded, heard))
    for row, one, found in zip(rows, heard, edits, strict=True):
        alignments[row] = _alignment(one, found)
    return alignments


class _Scorer:
    """Texts beside the encoded speech of several segments."""

    def __init__(self, network: Network, jobs: Sequence[AlignJob], encoded: Encoded) -> None:
        self._network = network
        self._jobs = jobs
        self._encoded = encoded

    def __call__(self, texts: Sequence[tuple[int, Tokens]]) -> list[TokenTimes]:
        """`texts`: the index of a segment and the tokens of a text each."""
        results: list[TokenTimes] = []
        # Texts of one length waste no padding.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at][1]))
        for start in range(0, len(order), MAX_ROWS):
            part = [texts[at] for at in order[start : start + MAX_ROWS]]
            results += self._network.align(
                self._encoded[[segment for segment, _ in part]],
                [tokens for _, tokens in part],
                language=self._jobs[0].speech.language,
                seconds=[self._jobs[segment].speech.duration_s for segment, _ in part],
            )
        by_place = dict(zip(order, results, strict=True))
        return [by_place[at] for at in range(len(texts))]


def _first_pass(scorer: _Scorer, jobs: Sequence[AlignJob], texts: Sequence[KnownTokens]) -> list[_Heard]:
    rows: list[tuple[int, Tokens]] = []
    for segment, text in enumerate(texts):
        rows += [(segment, flat(text.written, text.end)), (segment, flat(text.letters))]
        if text.spoken != text.written:
            rows.append((segment, flat(text.spoken, text.end)))
    results = iter(scorer(rows))
    heard: list[_Heard] = []
    for job, text in zip(jobs, texts, strict=True):
        written, letters = next(results), next(results)
        likely = [(_least(written, text.written), text.written)]
        if text.spoken != text.written:
            likely.append((_least(next(results), text.spoken), text.spoken))
        heard.append(_hear(job, text, likely, letters))
    return heard


def _hear(
    job: AlignJob, text: KnownTokens, forms: Sequence[tuple[list[float], list[Tokens]]], letters: TokenTimes
) -> _Heard:
    """`forms`: probabilities and tokens of the words."""
    choices = [
        max(range(len(forms)), key=lambda form, word=word: forms[form][0][word]) for word in range(len(job.words))
    ]
    starts_s = [float(letters.starts_s[at]) for at in accumulate(map(len, text.letters), initial=0)]
    return _Heard(
        words=[forms[form][1][word] for word, form in enumerate(choices)],
        end=text.end,
        probabilities=[forms[form][0][word] for word, form in enumerate(choices)],
        sounds=WordSounds(job.words, starts_s, as_float32(job.speech.samples)),
    )


def _more_words(
    network: Network, jobs: Sequence[AlignJob], encoded: Encoded, heard: Sequence[_Heard]
) -> list[list[Candidate]]:
    """Words to try beyond those of each text."""
    found: list[list[Candidate]] = [[] for _ in jobs]
    rows = [
        row
        for row, (job, one) in enumerate(zip(jobs, heard, strict=True))
        if job.speech.finds_insertions and may_have_more(one.probabilities)
    ]
    if not rows:
        return found
    language = jobs[0].speech.language
    longest = max(sum(map(len, heard[row].words)) for row in rows)
    transcripts = network.transcripts(encoded[rows], language, max_tokens=longest + MAX_MORE_TOKENS)
    for row, transcript in zip(rows, transcripts, strict=True):
        found[row] = insertions(jobs[row].words, transcript, language)
    return found


def _second_pass(
    network: Network,
    scorer: _Scorer,
    jobs: Sequence[AlignJob],
    heard: Sequence[_Heard],
    more_words: Sequence[list[Candidate]],
) -> list[list[Edit]]:
    """`more_words`: differences to try beside those of `edits`."""
    tried = [
        [*more, *candidates(job.words, one.probabilities, one.sounds.excesses_s)]
        for job, one, more in zip(jobs, heard, more_words, strict=True)
    ]
    rows: list[tuple[int, Tokens]] = []
    for segment, (job, one, edits) in enumerate(zip(jobs, heard, tried, strict=True)):

        def tokens(said: str, language: str = job.speech.language) -> Tokens:
            return network.tokens([said], language)[0]

        if edits:
            rows.append((segment, flat(one.words, one.end)))
            rows += [(segment, flat(edit.applied(one.words, tokens), one.end)) for edit in edits]
    results = iter(scorer(rows))
    found: list[list[Edit]] = []
    for edits in tried:
        unchanged = _log_likelihood(next(results)) if edits else 0.0
        gains = [(_log_likelihood(next(results)) - unchanged + edit.prior, edit) for edit in edits]
        found.append(_best(gains))
    return found


def _best(gains: list[tuple[float, Candidate]]) -> list[Edit]:
    """The likeliest differences that do not touch each other, each likelier than the text as it is.

    What the verdict leaves out may not hide another one.
    """
    kept: list[tuple[float, Candidate]] = []
    for gain, edit in sorted(gains, key=lambda each: (-each[0], each[1].last - each[1].first)):
        least = MIN_INSERTED_GAIN if edit.kind == "inserted" else 0.0
        if gain > least and not any(edit.touches(other) for _, other in kept):
            kept.append((gain, edit))
    return [
        Edit(kind=edit.kind, first=edit.first, last=edit.last, gain=gain, said=edit.said * (edit.kind == "inserted"))
        for gain, edit in kept
    ]


def _alignment(heard: _Heard, edits: Sequence[Edit]) -> Alignment:
    words, strays = heard.sounds.place(heard.probabilities)
    return Alignment(
        words=tuple(words),
        sounds=tuple(strays),
        edits=tuple(edits),
        letter_s=heard.sounds.letter_s,
        silence=heard.sounds.longest_silence,
        is_cut_off=heard.sounds.is_cut_off,
    )


def _least(times: TokenTimes, words: Sequence[Tokens]) -> list[float]:
    """The probability of each word's least likely token."""
    ends = list(accumulate(map(len, words), initial=0))
    return [float(times.probabilities[start:stop].min(initial=1.0)) for start, stop in pairwise(ends)]


def _log_likelihood(times: TokenTimes) -> float:
    return float(np.log(np.maximum(times.probabilities, LEAST_PROBABILITY)).sum())
