"""Errors to HTTP: a status for each class, one body for all."""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from litestar.status_codes import (
    HTTP_400_BAD_REQUEST,
    HTTP_408_REQUEST_TIMEOUT,
    HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    HTTP_426_UPGRADE_REQUIRED,
)

from app import errors
from app.errors import MAX_QUOTED_CHARS, ChorusError, shortened
from app.http.method_semantics import allow
from app.http.wire.schemas import ErrorBody, ErrorDetail
from app.observability.request_context import request_context

logger = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]  # Any: unused types of Litestar


class DialectError(Protocol):
    """The body of an error on the routes of a dialect. A route names it as `error_form` in its `opt`."""

    @classmethod
    def of(cls, error: ErrorDetail) -> "DialectError": ...


STATUS: dict[type[ChorusError], int] = {
    ChorusError: 500,
    errors.RequestError: 400,
    errors.InvalidBody: 400,
    errors.InvalidField: 400,
    errors.UnsupportedEncoding: 415,
    errors.UnsupportedLanguage: 400,
    errors.UnsupportedSampleRate: 422,
    errors.UnknownSpeaker: 404,
    errors.UnknownConsent: 404,
    errors.ConsentRequired: 400,
    errors.AmbiguousSpeaker: 409,
    errors.VoiceOfAnotherModel: 409,
    errors.UnknownModel: 404,
    errors.InvalidMarkup: 422,
    errors.TextTooLong: 413,
    errors.NothingToSpeak: 422,
    errors.UploadTooLarge: 413,
    errors.UploadTooSlow: 408,
    errors.UnreadableAudio: 415,
    errors.UnreadableBook: 415,
    errors.RecordingTooLong: 413,
    errors.UnusableReference: 422,
    errors.UnusableVoiceFile: 422,
    errors.TooManyVoices: 409,
    errors.JobInUse: 409,
    errors.UnknownJob: 404,
    errors.UnknownChapter: 404,
    errors.TooManyJobs: 409,
    errors.AudioNotReady: 409,
    errors.Unauthorized: 401,
    errors.HostNotAllowed: 421,
    errors.OriginNotAllowed: 403,
    errors.Unavailable: 503,
    errors.QueueFull: 503,
    errors.EngineNotReady: 503,
    errors.Draining: 503,
    errors.SteppedAside: 503,
    errors.RateLimitExceeded: 429,
    errors.TooManyConcurrentRequests: 429,
    errors.CloningUnavailable: 501,
    errors.TranscriptionUnavailable: 501,
    errors.DeadlineExceeded: 504,
    errors.StorageFailure: 507,
    errors.EngineFailure: 500,
    errors.StartupError: 500,
    errors.InvalidSetting: 500,
    errors.UnusableDataDirectory: 500,
    errors.AddressUnavailable: 500,
    errors.EngineUnavailable: 500,
    errors.UnusableCheckpoint: 500,
    errors.LicenceNotAccepted: 500,
    errors.DownloadFailed: 500,
}

UNEXPECTED = "the server failed on this request; its log has the request id"
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}
_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


def error_response(
    status: int, code: str, message: str, *, param: str | None = None, headers: dict[str, str] | None = None
) -> Response[ErrorBody]:
    kind = "rate_limit_error" if status == 429 else "invalid_request_error" if status < 500 else "server_error"
    detail = ErrorDetail(
        code=code,
        message=shortened(message),
        type=kind,
        param=None if param is None else shortened(param, MAX_QUOTED_CHARS),
        request_id=request_context.get().request_id,
    )
    headers = dict(headers or {})
    if status in (HTTP_408_REQUEST_TIMEOUT, HTTP_413_REQUEST_ENTITY_TOO_LARGE):
        headers["Connection"] = "close"  # the rest of the body is not read
    return Response(ErrorBody(error=detail), status_code=status, media_type=MediaType.JSON, headers=headers)


def error_body(error: Exception, field_names: Mapping[str, str] = MappingProxyType({})) -> ErrorBody:
    """For sent statuses and for sockets. `field_names`: see `on_chorus_error`."""
    if isinstance(error, ChorusError):
        param = field_names.get(error.param or "", error.param)
        return error_response(STATUS[type(error)], error.code, error.message, param=param).content
    return error_response(500, "internal_error", UNEXPECTED).content


def on_chorus_error(request: AnyRequest, error: ChorusError) -> Response[ErrorBody]:
    """In a route's `opt` `field_names` maps the project's names of fields to a dialect's, and `statuses` has those of
    its errors that are not STATUS.
    """
    statuses: Mapping[type[ChorusError], int] = request.route_handler.opt.get("statuses", {})
    status = statuses.get(type(error), STATUS[type(error)])
    field_names: Mapping[str, str] = request.route_handler.opt.get("field_names", {})
    headers: dict[str, str] = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, errors.UnsupportedEncoding):
        headers["Accept-Encoding"] = "identity"
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if status == 500:
        logger.error("%s %s: %s", request.method, request.url.path, error, exc_info=error)
    param = field_names.get(error.param or "", error.param)
    return error_response(status, error.code, error.message, param=param, headers=headers)


def on_validation_error(request: AnyRequest, error: ValidationException) -> Response[ErrorBody]:
    """Litestar's own checks of paths and queries, and of a missing body."""
    first: Any = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    message, param = str(first.get("message", error.detail)), first.get("key")
    if message.startswith("Missing required query parameter"):
        param = message.split("'")[1]
        message = "missing from the query"
    if param == "data":  # Litestar's name for the body
        return error_response(HTTP_400_BAD_REQUEST, "invalid_body", "no body came; it must be a JSON object")
    where = f"{param}: " if param else ""
    return error_response(HTTP_400_BAD_REQUEST, "invalid_field", where + message, param=param)


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[ErrorBody]:
    """Litestar's refusals: unknown routes, wrong methods, bodies that are too large or not JSON."""
    status = error.status_code
    code = _HTTP_CODES.get(status, "invalid_request" if status < 500 else "internal_error")
    message = error.detail
    headers = dict(error.headers or {})
    path = shortened(request.url.path, MAX_QUOTED_CHARS)
    if isinstance(error, NotFoundException):
        message = f"no route {path}; GET /docs lists them all"
    elif isinstance(error, MethodNotAllowedException) and headers["allow"] == "websocket":
        message = f"{path} is a WebSocket: connect to it with ws:// or wss://"
        return error_response(HTTP_426_UPGRADE_REQUIRED, "upgrade_required", message, headers=_UPGRADE)
    elif isinstance(error, MethodNotAllowedException):
        headers = {"Allow": allow(set(headers["allow"].split(", ")))}
        message = f"{path} does not take {request.method}; it takes {headers['Allow']}"
    elif status == HTTP_413_REQUEST_ENTITY_TOO_LARGE:
        message = "the body is larger than this route takes; see CHORUS_MAX_UPLOAD_MB and CHORUS_MAX_TEXT_CHARS"
    elif isinstance(error.__cause__, SerializationException) or "decode" in message.lower():
        code, message = "invalid_json", f"the body is not JSON: {message}"
    return error_response(status, code, message, headers=headers)


def on_unexpected_error(request: AnyRequest, error: Exception) -> Response[ErrorBody]:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_response(500, "internal_error", UNEXPECTED)


def on_unreadable_json(
    request: AnyRequest, error: SerializationException | msgspec.DecodeError | UnicodeDecodeError | RecursionError
) -> Response[ErrorBody]:
    return error_response(HTTP_400_BAD_REQUEST, "invalid_json", f"the body is not JSON: {error}")


def _in_form_of_route(handle: Callable[[AnyRequest, Any], Response[ErrorBody]]) -> Callable[[AnyRequest, Any], Any]:
    """`handle`, with the body that the route's `opt` names as `error_form`: see DialectError."""

    def handler(request: AnyRequest, error: Exception) -> Response[Any]:
        answer: Response[Any] = handle(request, error)
        is_known = "route_handler" in request.scope  # else the route is unknown
        form: type[DialectError] | None = request.route_handler.opt.get("error_form") if is_known else None
        if form is not None:
            answer.content = form.of(answer.content.error)
        return answer

    return handler


EXCEPTION_HANDLERS: dict[type[Exception] | int, Any] = {
    kind: _in_form_of_route(handle)
    for kind, handle in (
        (ChorusError, on_chorus_error),
        (ValidationException, on_validation_error),
        (SerializationException, on_unreadable_json),
        # from msgspec, past Litestar: no JSON, no UTF-8, or brackets nested too deep
        (msgspec.DecodeError, on_unreadable_json),
        (UnicodeDecodeError, on_unreadable_json),
        (RecursionError, on_unreadable_json),
        (HTTPException, on_http_error),
        (Exception, on_unexpected_error),
    )
}
