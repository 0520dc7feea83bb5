"""The body of `POST /jobs`: a book that is read in a child process, and what is to be made of it."""

import msgspec

from app.books.book import Book, one_line
from app.books.cast import Cast
from app.books.checking import Checker
from app.books.choosing import choose_chapters, count_chars
from app.books.jobs.record import JobRequest, new_id
from app.books.language import choose_language
from app.books.make import names_in
from app.errors import InvalidBody, InvalidField, TextTooLong
from app.http.responses.disconnect import unless_client_leaves
from app.http.state import AppState
from app.http.wire.errors import AnyRequest
from app.http.wire.jobs import JobBody, JobOptions
from app.http.wire.json_body import decode_json, refusal
from app.http.wire.upload_room import ScratchFile
from app.http.wire.uploads import convert_form, is_form
from app.pools import FILES, TEXT
from app.voices.built_in import utc_now
from app.voices.clones import is_clone_id

MAX_SOURCE_CHARS = 200


class JobForm(JobOptions, kw_only=True, forbid_unknown_fields=True):
    """The fields of a form beside `file`."""


async def receive_book(request: AnyRequest, app_state: AppState, owner: str) -> tuple[JobRequest, Book]:
    """Receive and read a book, and check all wishes that can be checked now. Raises RequestError."""
    if is_form(request):
        async with app_state.uploads.file(request, "file", takes_body=False) as (fields, sent):
            options = convert_form(fields, JobForm)
            book = await unless_client_leaves(request, app_state.book_reader.read(sent.file, sent.name))
            source = one_line(sent.name, MAX_SOURCE_CHARS)
    else:
        options = await _json_body(request)
        book, source = await _read_text(request, app_state, options.text), "text.txt"
    chapters = choose_chapters(book, options.chapters or None, field="chapters")
    num_chars = count_chars(chapters, is_preview=options.preview)
    limit = app_state.settings.max_book_chars
    if num_chars > limit:
        raise TextTooLong(
            f"the chapters have {num_chars} characters; the limit is {limit} (CHORUS_MAX_BOOK_CHARS)", param="chapters"
        )
    service = app_state.service
    language, _ = choose_language(service, options.language, book.language)
    voice = await service.voices.find(options.voice or None)
    others = [await service.voices.find(name) for name in await TEXT.run(names_in, Cast(), chapters)]
    if any(is_clone_id(each.id) for each in (voice, *others)):
        raise InvalidField(
            "voice: a clone of POST /clone_speaker is forgotten before a book is made: save it as a voice",
            param="voice",
        )
    if options.max_retries is not None:
        Checker(app_state.recognizer, max_retries=0).check_language(language)
    wanted = JobRequest(
        id=new_id(),
        owner=owner,
        created_at=utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        source=source,
        title=one_line(options.title) or book.title,
        author=book.author,
        num_chars=num_chars,
        chapters=tuple(number for number, _ in chapters),
        voice=voice.id,
        language=options.language,
        speed=options.speed,
        seed=options.seed,
        book_format=options.format,
        is_preview=options.preview,
        max_retries=options.max_retries,
    )
    return wanted, book


async def _json_body(request: AnyRequest) -> JobBody:
    body = await request.body()
    if not body:
        raise InvalidBody("no body came; send a form with the part file, or a JSON object with text")
    try:
        return msgspec.convert(decode_json(body), JobBody)
    except msgspec.ValidationError as error:
        raise refusal(error) from None


async def _read_text(request: AnyRequest, app_state: AppState, text: str) -> Book:
    scratch = await FILES.run(ScratchFile)
    try:
        await FILES.run(scratch.write, text.encode(errors="replace"))
        return await unless_client_leaves(request, app_state.book_reader.read(scratch.file, "Text.txt"))
    finally:
        scratch.close()
