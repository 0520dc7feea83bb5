"""The XTTS engine: Coqui XTTS v2, decoded for many callers in one batch.

    engine        the event loop's side
    loop          the engine thread: one turn is `EngineLoop.step`
    decoding, vocoding, cloning   the parts of a turn
    sequence      the state of one segment
    runaway       limits on segments that do not end
    clones        the event loop's side of cloning: callers share one conditioning
    build         loads everything that holds tensors

    model/        the networks and the KV cache
    runner/       the batch: slots, steps, sampling, CUDA graphs
    vocoder/      latents to samples
    voice/        recordings to a voice
    text/         text to tokens
    checkpoint/   model folders: download, checks, conversion, loading, precision
    device/       the GPU, its driver and its memory

The light environment lacks torch and the TTS package, so `factory` imports modules of this package only when it is
chosen. `config`, `device.driver`, `checkpoint.files`, `checkpoint.diagnosis`, `checkpoint.inspection` and
`checkpoint.download` import neither.
"""
