"""A program that loads every module that a server of the image loads, engines and recogniser included."""

SERVER_IMPORTS = """
import sys
import app.cli.serve, app.server.app, app.engine.embedded, app.engine.xtts.engine, app.engine.xtts.checkpoint.download
import app.asr.download, app.asr.whisper.device, app.asr.whisper.embedded
import app.asr.whisper.network, app.asr.whisper.version
import app.audio.found_marks, app.speech.signing.signer, c2pa
import app.server.protocols, app.observability.otlp, app.wyoming.server
import uvicorn.lifespan.on, uvicorn.loops.asyncio, uvicorn.protocols.http.h11_impl
import uvicorn.protocols.websockets.websockets_sansio_impl
import huggingface_hub.file_download
"""
