"""Errors of the speech server: one tree, and the words each of them says to a caller.

ChorusError
  RequestError              the caller can fix it
    InvalidBody               the body is JSON, but no object
    InvalidField              a field is missing, malformed or out of bounds
    UnsupportedEncoding       the body is compressed
    UnsupportedLanguage       the engine does not speak it
    UnsupportedSampleRate     out of bounds, or not of this audio format; names those there are
    UnknownSpeaker            no such voice; names near ones
    UnknownConsent            no such consent recording is kept
    ConsentRequired           this server clones no voice without a statement of consent; names the field for it
    AmbiguousSpeaker          several voices have this name; names their ids
    VoiceOfAnotherModel       a saved voice that was cloned with other weights than those that are loaded
    UnknownModel              no such model; names those there are
    InvalidMarkup             SSML that cannot be read; says where
    TextTooLong               more text than one request may carry
    NothingToSpeak            the text has no sound
    UploadTooLarge            more bytes than one request may carry
    UploadTooSlow             the body did not arrive in time
    UnreadableAudio           the clip is not audio that can be decoded
    UnreadableBook            the file is no book that can be read: damaged, protected, too large, without text
    RecordingTooLong          more seconds than one request may have transcribed
    UnusableReference         decoded, but too short, too long, silent or clipped
    UnusableVoiceFile         no voice that this engine can speak with is in it
    TooManyVoices             as many voices are saved as may be
    JobInUse                  another process makes this book
    UnknownJob                no such job of this caller
    UnknownChapter            not one of the chapters that a job makes
    TooManyJobs               this caller keeps as many jobs as it may
    AudioNotReady             no chapter of the job is there yet, or not the one that is asked for
    Unauthorized              no API key, or none that is valid
    HostNotAllowed            the server is not served under that name
    OriginNotAllowed          a web page of another site asks, and may not
  Unavailable               try again later; carries `retry_after_s`
    QueueFull  EngineNotReady  Draining
    SteppedAside              a segment of a book was stopped for requests of callers, and is made again later
    RateLimitExceeded         this caller has started as many requests a minute as it may
    TooManyConcurrentRequests this caller has as many requests under way as it may
  CloningUnavailable        this engine cannot clone
  TranscriptionUnavailable  this server has no speech recogniser; names the command that adds one
  DeadlineExceeded          the audio did not come in time
  StorageFailure            the data volume cannot be read or written
  EngineFailure             our fault: logged once with its trace and the request id
  StartupError              the server cannot start: one line for the operator, exit status non-zero
    InvalidSetting  UnusableDataDirectory  AddressUnavailable  EngineUnavailable
    UnusableCheckpoint        a file of the model is missing, damaged or of another kind; names it
    LicenceNotAccepted        the model's licence is the user's to accept
    DownloadFailed            the model could not be fetched; what came is kept, the next try goes on from there

Knows codes and messages. Knows nothing of HTTP: the status of each class is in app/http/wire/errors.py.
"""

MAX_MESSAGE_CHARS = 1200
MAX_QUOTED_CHARS = 80
"""Longest name in `param`, and longest value of a caller that a message quotes."""


def shortened(text: str, max_chars: int = MAX_MESSAGE_CHARS) -> str:
    """`text` in at most `max_chars` characters: its middle is replaced by `...` where it is longer."""
    if len(text) <= max_chars:
        return text
    num_kept = max_chars - len("...")
    return f"{text[: num_kept - num_kept // 2]}...{text[-(num_kept // 2) :]}"


def quoted(text: str) -> str:
    """`text` in quotes for a message: shortened, with escapes for what is not printable."""
    return repr(shortened(text, MAX_QUOTED_CHARS))


class ChorusError(Exception):
    """Root of the tree. `code` is stable and machine-readable; the message says what happened and what to do.

    A message of more than MAX_MESSAGE_CHARS loses its middle, so that no answer repeats what a caller sent at length.
    """

    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        self.message = shortened(message)
        super().__init__(self.message)
        self.param = None if param is None else shortened(param, MAX_QUOTED_CHARS)


class RequestError(ChorusError):
    """The caller can fix it. `param` names the field at fault."""

    code = "invalid_request"


class InvalidBody(RequestError):
    code = "invalid_body"


class InvalidField(RequestError):
    code = "invalid_field"


class UnsupportedEncoding(RequestError):
    code = "unsupported_encoding"


class UnsupportedLanguage(RequestError):
    code = "unsupported_language"


class UnsupportedSampleRate(RequestError):
    code = "unsupported_sample_rate"


class UnknownSpeaker(RequestError):
    code = "unknown_speaker"


class UnknownConsent(RequestError):
    code = "unknown_consent"


class ConsentRequired(RequestError):
    code = "consent_required"


class AmbiguousSpeaker(RequestError):
    code = "ambiguous_speaker"


class VoiceOfAnotherModel(RequestError):
    code = "voice_of_another_model"


class UnknownModel(RequestError):
    code = "model_not_found"


class InvalidMarkup(RequestError):
    code = "invalid_markup"


class TextTooLong(RequestError):
    code = "text_too_long"


class NothingToSpeak(RequestError):
    code = "nothing_to_speak"


class UploadTooLarge(RequestError):
    code = "upload_too_large"


class UploadTooSlow(RequestError):
    code = "upload_too_slow"


class UnreadableAudio(RequestError):
    code = "unreadable_audio"


class UnreadableBook(RequestError):
    code = "unreadable_book"


class RecordingTooLong(RequestError):
    code = "recording_too_long"


class UnusableReference(RequestError):
    code = "unusable_reference"


class UnusableVoiceFile(RequestError):
    code = "unusable_voice_file"


class TooManyVoices(RequestError):
    code = "too_many_voices"


class JobInUse(RequestError):
    code = "job_in_use"


class UnknownJob(RequestError):
    code = "unknown_job"


class UnknownChapter(RequestError):
    code = "unknown_chapter"


class TooManyJobs(RequestError):
    code = "too_many_jobs"


class AudioNotReady(RequestError):
    code = "audio_not_ready"


class Unauthorized(RequestError):
    code = "invalid_api_key"


class HostNotAllowed(RequestError):
    code = "host_not_allowed"


class OriginNotAllowed(RequestError):
    code = "origin_not_allowed"


class Unavailable(ChorusError):
    """Try again later."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFull(Unavailable):
    code = "queue_full"


class EngineNotReady(Unavailable):
    code = "engine_not_ready"


class Draining(Unavailable):
    code = "draining"


class SteppedAside(Unavailable):
    code = "stepped_aside"


class RateLimitExceeded(Unavailable):
    code = "rate_limit_exceeded"


class TooManyConcurrentRequests(Unavailable):
    code = "too_many_concurrent_requests"


class CloningUnavailable(ChorusError):
    code = "cloning_unavailable"


class TranscriptionUnavailable(ChorusError):
    code = "transcription_unavailable"


class DeadlineExceeded(ChorusError):
    code = "deadline_exceeded"


class StorageFailure(ChorusError):
    code = "storage_failure"


class EngineFailure(ChorusError):
    code = "engine_failure"


class StartupError(ChorusError):
    code = "startup_error"


class InvalidSetting(StartupError):
    code = "invalid_setting"


class UnusableDataDirectory(StartupError):
    code = "unusable_data_directory"


class AddressUnavailable(StartupError):
    code = "address_unavailable"


class EngineUnavailable(StartupError):
    code = "engine_unavailable"


class UnusableCheckpoint(StartupError):
    code = "unusable_checkpoint"


class LicenceNotAccepted(StartupError):
    code = "licence_not_accepted"


class DownloadFailed(StartupError):
    code = "download_failed"
