"""Import what the server imports, so that its bytecode is in the image and nothing else's is.

Run when the image is built, before the server is installed: the bytecode of every installed module would be 120 MB
compressed, and without any the imports take 5.1 s instead of 2.8. tests/container holds this list to what a server
loads.
"""

import importlib

MODULES = [
    # the light core
    "av",
    "babel",
    "click",
    "hibari",
    "httpx",
    "litestar.background_tasks",
    "litestar.config.cors",
    "litestar.openapi.plugins",
    "litestar.response",
    "markdown_it",
    "msgspec",
    "onnxruntime",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.trace.propagation.tracecontext",
    "prometheus_client.core",
    "rich.progress",
    "rich.table",
    "sentencex",
    "soxr",
    "unicode_rbnf",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "wyoming.asr",
    "wyoming.error",
    "wyoming.info",
    "wyoming.ping",
    "wyoming.tts",
    # XTTS
    "TTS.encoder.models.resnet",
    "TTS.tts.layers.xtts.perceiver_encoder",
    "TTS.tts.layers.xtts.tokenizer",
    "TTS.vocoder.models.hifigan_generator",
    "filelock",
    "huggingface_hub.file_download",
    "numba",
    "numba.extending",
    "safetensors.numpy",
    "safetensors.torch",
    "torch",
    "torchaudio.functional",
    "torchaudio.transforms",
    # C2PA
    "c2pa",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    # Whisper
    "ctranslate2",
    "faster_whisper",
]

for module in MODULES:
    importlib.import_module(module)
