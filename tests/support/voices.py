"""Saved voices over HTTP: save, export, import."""

import httpx

from tests.support.server import RunningServer

CONSENT = "This is my own voice."


def save(server: RunningServer, *recordings: bytes, **fields: str) -> httpx.Response:
    fields = {"name": "Ada", "consent": CONSENT} | fields
    files = [("reference_audio", (f"{number}.wav", data)) for number, data in enumerate(recordings)]
    with server.client() as client:
        return client.post("/voices", data=fields, files=files)


def export(server: RunningServer, id: str) -> httpx.Response:
    with server.client() as client:
        return client.get(f"/voices/{id}/export")


def send(server: RunningServer, data: bytes) -> httpx.Response:
    with server.client() as client:
        return client.post("/voices/import", files={"voice": ("a.safetensors", data)})
