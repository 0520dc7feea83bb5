"""Alignment on the model's thread: one encoder pass for several segments, and at most two passes of their known texts.

The first pass gives the probability of each word, in its written and where that is unlikely in its spoken form, and the
time of each letter. The second one, for checked segments with an unlikely word or too much sound,
compares their texts with those of `edits` and of `insertions`: words that a transcript of the same encoded speech has
more, or in place of others (`replacements`). Words that the transcript spells in another way are not missing
(`respelled`).
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from itertools import accumulate, pairwise

import msgspec

from app.asr.alignment import MIN_INSERTED_GAIN, Alignment, Edit, KnownSpeech
from app.asr.edits import UNLIKELY, Candidate, candidates
from app.asr.inference import Encoded, Features, Network, TokenTimes
from app.asr.insertions import insertions, may_have_more
from app.asr.known_tokens import KnownTokens, Tokens, flat, rare_words, split_mark, tokens_of
from app.asr.known_words import KnownWord
from app.asr.likeness import likeness
from app.asr.placing import WordSounds
from app.asr.replacements import replacements
from app.asr.respelled import without_respelled
from app.asr.samples import as_float32
from app.asr.scoring import Scorer, log_likelihood
from app.asr.sound import FRAME_S
from app.errors import EngineFailure

logger = logging.getLogger(__name__)

BUCKET_FRAMES = 250
"""Features of a segment are padded to a multiple of it, so that segments share an encoder pass."""
MIN_PADDING_FRAMES = 30
MAX_BEHIND = 12
"""Tokens that are read behind a difference, but for the rest of a word: the likelihood of later ones is the same."""
MAX_MORE_TOKENS = 16
"""Tokens of a transcript beyond those of the known text."""


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
    times: TokenTimes | None
    """of the whole text; None where words of both forms are mixed"""
    sounds: WordSounds


def _align(network: Network, batch: Sequence[AlignJob]) -> list[Alignment | None]:
    texts = [tokens_of(network, job.words, job.speech.language) for job in batch]
    rows = [row for row, text in enumerate(texts) if text.fit]
    alignments: list[Alignment | None] = [None] * len(batch)
    if not rows:
        return alignments
    encoded = network.encode([batch[row].features for row in rows])
    jobs = [batch[row] for row in rows]
    scorer = Scorer(network, [job.speech for job in jobs], encoded)
    heard = _first_pass(scorer, jobs, [texts[row] for row in rows])
    transcripts = _transcripts(network, jobs, encoded, heard)
    edits = _second_pass(network, scorer, jobs, heard, transcripts)
    for row, job, one, transcript, found in zip(rows, jobs, heard, transcripts, edits, strict=True):
        like = 1.0 if transcript is None else likeness(job.words, transcript, job.speech.language)
        alignments[row] = _alignment(one, found, like)
    return alignments


def _first_pass(scorer: Scorer, jobs: Sequence[AlignJob], texts: Sequence[KnownTokens]) -> list[_Heard]:
    written = scorer([(segment, flat(text.written, text.end)) for segment, text in enumerate(texts)])
    doubtful = [
        segment
        for segment, (text, times) in enumerate(zip(texts, written, strict=True))
        if text.spoken != text.written and min(_least(times, text.written)) < UNLIKELY
    ]
    others = [flat(texts[segment].spoken, texts[segment].end) for segment in doubtful]
    letters = [flat(text.letters) for text in texts]
    results = scorer([*zip(doubtful, others, strict=True), *enumerate(letters)])
    spoken = dict(zip(doubtful, results, strict=False))
    heard: list[_Heard] = []
    for segment, (job, text, times) in enumerate(zip(jobs, texts, results[len(doubtful) :], strict=True)):
        forms = [(text.written, written[segment])]
        if segment in spoken:
            forms.append((text.spoken, spoken[segment]))
        heard.append(_hear(job, text, forms, times))
    return heard


def _hear(
    job: AlignJob, text: KnownTokens, forms: Sequence[tuple[list[Tokens], TokenTimes]], letters: TokenTimes
) -> _Heard:
    """`forms`: the tokens of the words, as they are written and as they are said."""
    likely = [_least(times, tokens) for tokens, times in forms]
    choices = [max(range(len(forms)), key=lambda form, word=word: likely[form][word]) for word in range(len(job.words))]
    words = [forms[form][0][word] for word, form in enumerate(choices)]
    starts_s = [float(letters.starts_s[at]) for at in accumulate(map(len, text.letters), initial=0)]
    return _Heard(
        words=words,
        end=text.end,
        probabilities=[likely[form][word] for word, form in enumerate(choices)],
        times=next((times for tokens, times in forms if tokens == words), None),
        sounds=WordSounds(job.words, starts_s, as_float32(job.speech.samples)),
    )


def _transcripts(
    network: Network, jobs: Sequence[AlignJob], encoded: Encoded, heard: Sequence[_Heard]
) -> list[str | None]:
    """A transcript for each checked segment that has an unlikely word, None for the others."""
    found: list[str | None] = [None] * len(jobs)
    rows = [
        row
        for row, (job, one) in enumerate(zip(jobs, heard, strict=True))
        if job.speech.finds_edits and may_have_more(one.probabilities)
    ]
    if not rows:
        return found
    language = jobs[0].speech.language
    longest = max(sum(map(len, heard[row].words)) for row in rows)
    transcripts = network.transcripts(encoded[rows], language, max_tokens=longest + MAX_MORE_TOKENS)
    for row, transcript in zip(rows, transcripts, strict=True):
        found[row] = transcript
    return found


def _tried(network: Network, job: AlignJob, heard: _Heard, transcript: str | None) -> list[Candidate]:
    """Differences between text and speech to try."""
    if not job.speech.finds_edits:
        return []
    sounds, language = heard.sounds, job.speech.language
    edits = candidates(job.words, heard.probabilities, sounds.excesses_s, sounds.needed_s)
    if transcript is None:
        return edits
    more = insertions(job.words, transcript, language)
    more += replacements(job.words, transcript, language, rare_words(network, job.words, language))
    return [*more, *without_respelled(edits, job.words, sounds, transcript, language)]


def _second_pass(
    network: Network,
    scorer: Scorer,
    jobs: Sequence[AlignJob],
    heard: Sequence[_Heard],
    transcripts: Sequence[str | None],
) -> list[list[Edit]]:
    tried = [_tried(network, *each) for each in zip(jobs, heard, transcripts, strict=True)]
    rows: list[tuple[int, Tokens]] = []
    for segment, (one, edits) in enumerate(zip(heard, tried, strict=True)):
        if edits and one.times is None:
            rows.append((segment, flat(one.words, one.end)))
        rows += [(segment, _read_with(edit, one, network, jobs[segment].speech.language)) for edit in edits]
    results = iter(scorer(rows))
    found: list[list[Edit]] = []
    for one, edits in zip(heard, tried, strict=True):
        unchanged = next(results) if edits and one.times is None else one.times
        gains: list[tuple[float, Candidate]] = []
        for edit in edits:
            assert unchanged is not None
            gain = log_likelihood(next(results)) - log_likelihood(unchanged, _num_tokens_read(edit, one))
            gains.append((gain + edit.prior, edit))
        found.append(_best(gains))
    return found


def _num_read(edit: Candidate, words: Sequence[Tokens]) -> int:
    """Words of the text that are read with a difference: those up to MAX_BEHIND tokens behind it."""
    num_behind = 0
    for at in range(edit.last + 1, len(words)):
        if num_behind >= MAX_BEHIND:
            return at
        num_behind += len(words[at])
    return len(words)


def _num_tokens_read(edit: Candidate, heard: _Heard) -> int:
    """Tokens of the unchanged text that `_read_with` has too."""
    num_read = _num_read(edit, heard.words)
    return len(flat(heard.words[:num_read], heard.end if num_read == len(heard.words) else ()))


def _read_with(edit: Candidate, heard: _Heard, network: Network, language: str) -> list[int]:
    """Tokens of the text with a difference. The mark behind the last word is not said twice."""
    num_read = _num_read(edit, heard.words)
    is_end = edit.last == len(heard.words) - 1

    def tokens(said: str) -> Tokens:
        return network.tokens([split_mark(said)[0] if is_end else said], language)[0]

    return flat(edit.applied(heard.words[:num_read], tokens), heard.end if num_read == len(heard.words) else ())


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
        Edit(
            kind=edit.kind,
            first=edit.first,
            last=edit.last,
            gain=gain,
            said=edit.said * (edit.kind == "inserted"),
            is_confirmed=edit.is_confirmed,
        )
        for gain, edit in kept
    ]


def _alignment(heard: _Heard, edits: Sequence[Edit], like: float) -> Alignment:
    words, strays = heard.sounds.place(heard.probabilities)
    return Alignment(
        words=tuple(words),
        sounds=tuple(strays),
        edits=tuple(edits),
        letter_s=heard.sounds.letter_s,
        silence=heard.sounds.longest_silence,
        is_cut_off=heard.sounds.is_cut_off,
        likeness=like,
        is_misplaced=heard.sounds.has_misplaced(heard.probabilities),
    )


def _least(times: TokenTimes, words: Sequence[Tokens]) -> list[float]:
    """The probability of each word's least likely token."""
    ends = list(accumulate(map(len, words), initial=0))
    return [float(times.probabilities[start:stop].min(initial=1.0)) for start, stop in pairwise(ends)]
