"""How torch computes on a GPU: process-wide switches, set once before anything is computed there."""

import torch


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
