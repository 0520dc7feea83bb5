"""How torch computes on a GPU: process-wide switches, set once before anything is computed there."""

import sys

import torch

SWITCH_INTERVAL_S = 0.0005


def set_up(device: torch.device) -> None:
    """Nothing to do on a CPU."""
    if device.type != "cuda":
        return
    # Sums of float16 products are added up in float32, whatever shape cuBLAS cuts them into, and float32 is float32.
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # cuDNN's attention plans for every new shape, tens of milliseconds each; prompts have hundreds of lengths.
    torch.backends.cuda.enable_cudnn_sdp(False)
    # Each call of torch lets other threads have the interpreter, and takes it back after up to one interval. At the
    # default of 5 ms a busy event loop would cost more than the step itself (5.3 ms a call, 0.8 ms with this one).
    sys.setswitchinterval(SWITCH_INTERVAL_S)
