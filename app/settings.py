"""Settings: every CHORUS_* variable, its default and its meaning, in one place.

The only reader of the environment. Knows nothing of what the values are used for.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

from app.errors import InvalidSetting
from app.setting_values import ApiKeys, Hosts, Marks, Names, Origins, VoiceAliases

PREFIX = "CHORUS_"
COQUI_ACCEPTANCE = "COQUI_TOS_AGREED"
"""Coqui's own variable for the acceptance of the licence; read like CHORUS_ACCEPT_CPML."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults suit a laptop: `make run` needs none of them set."""

    engine: Annotated[
        Literal["auto", "xtts", "embedded"],
        Meta(description="Engine: `auto` takes the best that is installed"),
    ] = "auto"
    model: Annotated[
        str, Meta(min_length=1, description="XTTS checkpoint: a folder, or the id of a model to download")
    ] = "coqui/XTTS-v2"
    device: Annotated[Literal["auto", "cpu", "cuda"], Meta(description="Where XTTS computes: `auto` prefers a GPU")] = (
        "auto"
    )
    precision: Annotated[
        Literal["auto", "float32", "float16", "int8"],
        Meta(
            description="Numbers of XTTS: `auto` takes float16 on a GPU; on a CPU int8, which decodes two to four "
            "times as fast, if the converted model passed its check, else float32"
        ),
    ] = "auto"
    cuda_graphs: Annotated[
        bool,
        Meta(description="`0` launches each kernel on a GPU by itself: much slower, for drivers that cannot capture"),
    ] = True
    accept_cpml: Annotated[
        bool, Meta(description="`1` accepts the Coqui Public Model License, under which XTTS v2 may be downloaded")
    ] = False
    asr_model: Annotated[
        str,
        Meta(
            min_length=1,
            description="Whisper model: a folder, the id of a model to download, `embedded`, `off`; `auto` takes the "
            "best that is installed",
        ),
    ] = "auto"
    asr_device: Annotated[
        Literal["auto", "cpu", "cuda"], Meta(description="Where Whisper computes: `auto` prefers a GPU with cuBLAS 12")
    ] = "auto"
    check: Annotated[
        Literal["off", "report", "retry"],
        Meta(
            description="Check of speech against its text, for requests that name none, if there is a Whisper model: "
            "`report` says what is wrong, `retry` also speaks doubtful segments again"
        ),
    ] = "off"
    data: Annotated[Path, Meta(description="Folder for everything the server writes")] = Path("data")
    host: Annotated[
        str,
        Meta(
            description="Addresses to listen on, separated by commas; `0.0.0.0`: all of IPv4, `::`: all of IPv4 and "
            "IPv6, `localhost`: 127.0.0.1 and ::1"
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one")] = 8000
    wyoming_port: Annotated[
        int, Meta(ge=0, le=65535, description="Port for Wyoming (Home Assistant), without keys; 0: none")
    ] = 0
    lexicon: Annotated[
        str, Meta(description="TOML file of words and how they are said, by language; read again when it changes")
    ] = ""
    model_names: Annotated[
        Names,
        Meta(description="Further names that `model` may be at OpenAI's routes, separated by commas; `*`: any name"),
    ] = Names()
    voice_aliases: Annotated[
        VoiceAliases,
        Meta(
            description="Other names of voices, in any case, separated by commas: `alloy=Ana Florence, nova=SAVED_ID`"
        ),
    ] = VoiceAliases()
    api_keys: Annotated[
        ApiKeys,
        Meta(description="Callers' keys, separated by commas; empty: everybody may ask"),
    ] = ApiKeys()
    api_keys_file: Annotated[
        str, Meta(description="TOML file of callers, keys and limits; read again when it changes")
    ] = ""
    max_concurrent_per_key: Annotated[
        int, Meta(ge=0, description="Requests for speech under way for one key; 0: no limit")
    ] = 0
    requests_per_minute: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Requests for speech that one key may start a minute; 0: no limit")
    ] = 0
    cors_origins: Annotated[
        Origins,
        Meta(description="Origins of web pages that may use the server, separated by commas; `*`: every page"),
    ] = Origins()
    allowed_hosts: Annotated[
        Hosts,
        Meta(
            description="Host names of the server beside private ones, separated by commas; `*.example.com`: all below "
            "one, `*`: any; with keys empty means any"
        ),
    ] = Hosts()
    max_slots: Annotated[
        int, Meta(ge=0, le=1024, description="Segments spoken at the same time; 0 lets the engine decide")
    ] = 0
    max_queue: Annotated[
        int, Meta(ge=0, le=100_000, description="Requests that may wait; one more is refused with 503 and Retry-After")
    ] = 64
    max_ahead_s: Annotated[
        float,
        Meta(ge=1, le=3600, description="Seconds of audio that a stream is spoken ahead of its listener"),
    ] = 30.0
    limit_streams: Annotated[
        bool, Meta(description="`0` lets more streams play at a time than can be spoken without gaps")
    ] = True
    max_live_wait_s: Annotated[
        float,
        Meta(ge=0, description="Longest wait, in seconds, that a stream may expect for its turn to play; else 503"),
    ] = 10.0
    max_text_chars: Annotated[int, Meta(ge=1, description="Longest text of one request, in characters")] = 20_000
    max_upload_mb: Annotated[int, Meta(ge=1, le=4096, description="Largest upload of one request, in MiB")] = 50
    max_recording_s: Annotated[
        float, Meta(gt=0, le=86_400, description="Longest recording that is transcribed, in seconds")
    ] = 7200.0
    decode_timeout_s: Annotated[
        float, Meta(gt=0, description="Longest decoding of one upload's recordings, in seconds")
    ] = 20.0
    max_sockets: Annotated[
        int,
        Meta(
            ge=0,
            description="Conversations over WebSockets and Wyoming; half as many more connections may be silent",
        ),
    ] = 256
    max_jobs: Annotated[
        int, Meta(ge=0, le=10_000, description="Books that one caller may have made and kept; 0: none are made")
    ] = 20
    max_book_chars: Annotated[int, Meta(ge=1, description="Longest text of one book, in characters")] = 5_000_000
    max_voices: Annotated[int, Meta(ge=0, description="Voices that may be saved")] = 1000
    require_consent: Annotated[
        bool,
        Meta(description="`1` refuses to clone a voice without a statement of consent, also for a single answer"),
    ] = False
    request_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait for a whole answer, with queue and cloning, or for each piece of a stream or "
            "transcription, in seconds",
        ),
    ] = 300.0
    client_timeout_s: Annotated[
        float, Meta(gt=0, description="Longest pause of a client in reading or sending, in seconds")
    ] = 60.0
    drain_timeout_s: Annotated[
        float, Meta(ge=0, description="Longest wait for unfinished requests after SIGTERM, in seconds")
    ] = 30.0
    loudness_dbfs: Annotated[
        float, Meta(ge=-40, le=-10, description="Speech level that every answer is brought to, in dBFS")
    ] = -20.0
    marks: Annotated[
        Marks,
        Meta(
            description="Marks that say that a machine spoke (docs/provenance.md): `metadata`; `metadata,c2pa`: whole "
            "answers and files are also signed; `off`: none; `auto` signs where `make c2pa` was run"
        ),
    ] = Marks()
    c2pa_cert: Annotated[
        str,
        Meta(
            description="PEM file of the certificate that signs files, and of the chain to its authority; empty: a "
            "self-made one below CHORUS_DATA, which validators call untrusted"
        ),
    ] = ""
    c2pa_key: Annotated[str, Meta(description="PEM file of its private key, without a password")] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe message to log")
    ] = "info"
    log_format: Annotated[Literal["text", "json"], Meta(description="`json` writes one object a line")] = "text"
    otlp_endpoint: Annotated[
        str,
        Meta(
            pattern=r"^(https?://\S+)?$",
            description="Collector of traces (OTLP over HTTP), such as `http://127.0.0.1:4318`; empty: no traces",
        ),
    ] = ""


def _from_text(wanted: type[Any], value: Any) -> Any:  # Any: msgspec's own signature for types that it does not know
    return wanted(value)


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that a child process needs to find its interpreter and libraries: no settings, so no keys."""
    environ = os.environ if environ is None else environ
    kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
    return {name: environ[name] for name in kept if name in environ}


S = TypeVar("S", bound=msgspec.Struct)


def load_settings(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Settings from the environment; `overrides` (the command line) win, and None among them means not given.

    Raises InvalidSetting for a value that does not fit, and for a CHORUS_* name that does not exist.
    """
    environ = os.environ if environ is None else environ
    if COQUI_ACCEPTANCE in environ:
        environ = {PREFIX + "ACCEPT_CPML": environ[COQUI_ACCEPTANCE], **environ}
    return read_variables(Settings, environ, prefix=PREFIX, **overrides)


def read_variables(kind: type[S], environ: Mapping[str, str], *, prefix: str, **overrides: object) -> S:
    """A Struct from the variables `<prefix><FIELD>`.

    Raises InvalidSetting for a value that does not fit, and for a name with that prefix that does not exist.
    """
    names = {prefix + field.upper(): field for field in kind.__struct_fields__}
    values: dict[str, object] = {}
    for name, text in environ.items():
        if not name.startswith(prefix):
            continue
        if name not in names:
            near = difflib.get_close_matches(name.removeprefix(prefix).lower(), names.values(), n=1, cutoff=0.5)
            hint = f"; did you mean {prefix}{near[0].upper()}?" if near else f"; known are {', '.join(names)}"
            raise InvalidSetting(f"{name} is not a setting{hint}", param=name)
        values[names[name]] = text
    values |= {field: value for field, value in overrides.items() if value is not None}
    try:
        return msgspec.convert(values, kind, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else ""
        name = prefix + field.upper()
        reason = str(error).partition(" - at ")[0]
        is_secret = get_type_hints(kind).get(field) is ApiKeys
        shown = "(hidden)" if is_secret else repr(values.get(field))
        raise InvalidSetting(f"{name}={shown} does not fit: {reason}", param=name) from None
