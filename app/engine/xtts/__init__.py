"""The XTTS engine: Coqui XTTS v2, decoded for many callers in one batch.

    engine        what the rest of Chorus sees
    device_loop   one turn of it; clone_stage, decode_stage and vocode_stage are its parts
    decode/       text tokens to audio codes and latents, as tensors
    vocode/       latents to samples, as tensors
    voice/        recordings to a voice
    text/         text to tokens
    weights/      checkpoints, from the hub to the networks
    hardware/     the GPU, its driver and its memory

Modules here may import torch and the TTS package, which are not in the light environment: `factory` imports this
package only when it is chosen. `models`, `config`, `diagnosis`, `inspection`, `hardware.driver` and `weights.download`
are the exceptions: importing them imports neither.
"""
