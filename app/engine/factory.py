"""Settings to a loaded engine. Blocking: called in a thread while the server already answers /health."""

import logging

from app.engine.base import Engine
from app.errors import EngineUnavailable
from app.settings import Settings

logger = logging.getLogger(__name__)

XTTS_MISSING = (
    "CHORUS_ENGINE=xtts: this version of Chorus has no XTTS engine yet; use CHORUS_ENGINE=embedded, or leave it unset"
)


def choose_engine(settings: Settings) -> tuple[str, str]:
    """(name, reason): which engine `build_engine` would build, without building it. Raises EngineUnavailable."""
    if settings.engine == "xtts":
        raise EngineUnavailable(XTTS_MISSING, param="CHORUS_ENGINE")
    if settings.engine == "embedded":
        return "embedded", "CHORUS_ENGINE=embedded asks for it"
    return "embedded", "no XTTS weights are installed, and this voice needs none"


def build_engine(settings: Settings) -> Engine:
    """Load the engine that the settings ask for. Raises EngineUnavailable."""
    name, reason = choose_engine(settings)
    from app.engine.embedded import EmbeddedEngine  # loads onnxruntime: kept out of start-up's imports

    engine = EmbeddedEngine(max_slots=settings.max_slots, max_queue=settings.max_queue)
    logger.warning("engine: %s (%s). %s", name, reason, engine.info.notice)
    return engine
