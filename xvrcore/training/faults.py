"""What a device says when its memory runs out or when it is gone, told apart from mistakes of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from xvrcore.errors import WorkError

FULL = ("not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED")
LOST = ("CUDA error", "CUDA driver", "cuDNN error", "CUBLAS_STATUS", "cuBLAS error", "Triton Error", "NCCL error",
        "MTLCommandBuffer", "device lost", "Device lost")


def is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or any(word in str(error) for word in FULL)


@contextmanager
def device_faults(device: str) -> Iterator[None]:
    """Tell a device that failed in this block from other errors.

    :raises WorkError: it did; the message says what to do.
    """
    try:
        yield
    except RuntimeError as error:
        broken = isinstance(error, getattr(torch, "AcceleratorError", ())) or any(word in str(error) for word in LOST)
        if not broken or is_out_of_memory(error):
            raise
        said = next(iter(str(error).splitlines()), "")
        raise WorkError(f"The device {device} failed ({said}). What was saved before is safe: resume the job once "
                        "the device works again.") from error
