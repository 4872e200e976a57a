"""A program that asks NVIDIA's driver for its GPUs and prints them as JSON: ``[["Tesla K80", "3.7"]]``."""

import ctypes
import json
import os
import sys

_NAME_BYTES = 256
# CUdevice_attribute's.
_CAPABILITY_MAJOR = 75
_CAPABILITY_MINOR = 76


def main() -> None:
    """Print the GPUs; say on standard error why there are none, if so."""
    name = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        sys.exit(f"{name}, NVIDIA's driver, cannot be loaded")
    count = ctypes.c_int()
    for call, arguments in (("cuInit", (0,)), ("cuDeviceGetCount", (ctypes.byref(count),))):
        code = library[call](*arguments)
        if code:
            sys.exit(f"{call} failed with error {code}")
    gpus = []
    for device in range(count.value):
        text = ctypes.create_string_buffer(_NAME_BYTES)
        library.cuDeviceGetName(text, _NAME_BYTES, device)
        numbers = []
        for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
            value = ctypes.c_int()
            library.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
            numbers.append(str(value.value))
        gpus.append([text.value.decode("utf-8", "replace"), ".".join(numbers)])
    print(json.dumps(gpus))


if __name__ == "__main__":
    main()
