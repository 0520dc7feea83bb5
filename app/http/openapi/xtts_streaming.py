"""Responses and bodies of xtts-streaming-server's routes, for the OpenAPI document."""

from dataclasses import dataclass
from types import MappingProxyType

from app.http.dialects.xtts_streaming import ConditioningBody, SpeakerUpload
from app.http.openapi.responses import FORM, JSON, BodyOperation, errors

CLONE_SPEAKER_RESPONSES = errors(400, 404, 408, 413, 415, 422, 501, 504, 507)


@dataclass
class CloneSpeakerOperation(BodyOperation):
    schemas = MappingProxyType({FORM: SpeakerUpload})


@dataclass
class ConditioningOperation(BodyOperation):
    schemas = MappingProxyType({JSON: ConditioningBody})
