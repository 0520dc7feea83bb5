"""Every attack on a running server, in the order in which they are tried."""

from tests.chaos.attack import Attack
from tests.chaos.attacks import (
    bodies,
    cloning,
    decoder,
    floods,
    hosts,
    http_forms,
    leaving,
    logs,
    names,
    slow,
    texts,
    transcription,
    transcription_sockets,
    uploads,
)

ATTACKS: tuple[Attack, ...] = (
    *logs.ATTACKS,
    *names.ATTACKS,
    *bodies.ATTACKS,
    *hosts.ATTACKS,
    *http_forms.ATTACKS,
    *uploads.ATTACKS,
    *decoder.ATTACKS,
    *texts.ATTACKS,
    *slow.ATTACKS,
    *leaving.ATTACKS,
    *floods.ATTACKS,
    *transcription.ATTACKS,
    *transcription_sockets.ATTACKS,
    *cloning.ATTACKS,
)


def attacks_on(engine: str) -> list[Attack]:
    return [attack for attack in ATTACKS if attack.engine == engine]


def by_name(name: str) -> Attack:
    return next(attack for attack in ATTACKS if attack.name == name)
