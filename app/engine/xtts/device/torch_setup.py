"""Process-wide switches of torch on a GPU, set once before the first computation."""

import torch


def set_up(device: torch.device) -> None:
    """Nothing to do on a CPU."""
    if device.type != "cuda":
        return
    # float16 products are added up in float32, whatever shape cuBLAS cuts them into, and float32 is no TF32.
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # cuDNN's attention plans for each new shape, tens of milliseconds; prompts have hundreds of lengths.
    torch.backends.cuda.enable_cudnn_sdp(False)
