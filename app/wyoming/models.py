"""The recogniser in Wyoming's form for `describe`."""

from wyoming.info import AsrModel, AsrProgram, Attribution

from app import __version__
from app.asr.base import RecognizerInfo
from app.wyoming.voices import PROGRAM


def describe_recognizer(recognizer: RecognizerInfo) -> AsrProgram:
    attribution = Attribution(name=recognizer.model, url="")
    return AsrProgram(
        name=PROGRAM,
        description=f"Chorus ({recognizer.name})",
        attribution=attribution,
        installed=True,
        version=__version__,
        models=[
            AsrModel(
                name=recognizer.model,
                description=recognizer.model,
                attribution=attribution,
                installed=True,
                version=__version__,
                languages=list(recognizer.languages),
            )
        ],
        supports_transcript_streaming=True,
    )
