"""A program that asks Vulkan's loader for its devices and prints them as JSON.

``[["llvmpipe", "cpu", "1.3.239", true]]``: the last says whether it keeps 16-bit numbers in buffers.
"""

import ctypes
import json
import sys

_KINDS = ("other", "integrated", "discrete", "virtual", "cpu")
# VkPhysicalDeviceProperties has five numbers, the name, and some hundred bytes more.
_NAME_OFFSET = 20
_PROPERTIES_BYTES = 4096
_CREATE_INSTANCE = 1
_APPLICATION = 0
_FEATURES_2 = 1000059000
_STORAGE_16_BIT = 1000083000
_VERSION_1_1 = 1 << 22 | 1 << 12
_VERSION_1_2 = 1 << 22 | 2 << 12


class _Application(ctypes.Structure):
    """VkApplicationInfo."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("version", ctypes.c_uint32),
        ("engine", ctypes.c_char_p),
        ("engine_version", ctypes.c_uint32),
        ("api_version", ctypes.c_uint32),
    ]


class _InstanceCreation(ctypes.Structure):
    """VkInstanceCreateInfo."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.POINTER(_Application)),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    ]


class _Storage16Bit(ctypes.Structure):
    """VkPhysicalDevice16BitStorageFeatures."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("buffer", ctypes.c_uint32),
        ("uniform_and_buffer", ctypes.c_uint32),
        ("push_constant", ctypes.c_uint32),
        ("input_output", ctypes.c_uint32),
    ]


class _Features(ctypes.Structure):
    """VkPhysicalDeviceFeatures2: the 55 features of Vulkan 1.0, and what is asked for besides."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("next", ctypes.POINTER(_Storage16Bit)),
        ("features", ctypes.c_uint32 * 55),
    ]


def main() -> None:
    """Print the devices; say on standard error why there are none, if so."""
    try:
        library = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        sys.exit("libvulkan.so.1, Vulkan's loader, is missing")
    application = _Application(type=_APPLICATION, api_version=_VERSION_1_2)
    creation = _InstanceCreation(type=_CREATE_INSTANCE, application=ctypes.pointer(application))
    instance = ctypes.c_void_p()
    code = library.vkCreateInstance(ctypes.byref(creation), None, ctypes.byref(instance))
    if code:
        sys.exit(f"vkCreateInstance failed with error {code}")
    count = ctypes.c_uint32()
    library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
    devices = (ctypes.c_void_p * count.value)()
    library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), devices)
    found = []
    for device in devices[: count.value]:
        properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
        library.vkGetPhysicalDeviceProperties(ctypes.c_void_p(device), properties)
        api, _, _, _, kind = (ctypes.c_uint32 * 5).from_buffer(properties)
        name = properties.raw[_NAME_OFFSET:].partition(b"\0")[0].decode("utf-8", "replace")
        version = f"{api >> 22 & 0x7F}.{api >> 12 & 0x3FF}.{api & 0xFFF}"
        has_16_bit = api >= _VERSION_1_1 and _has_16_bit(library, ctypes.c_void_p(device))
        found.append([name, _KINDS[kind] if kind < len(_KINDS) else "other", version, has_16_bit])
    print(json.dumps(found))


def _has_16_bit(library: ctypes.CDLL, device: ctypes.c_void_p) -> bool:
    """Tell whether a device keeps 16-bit numbers in buffers."""
    storage = _Storage16Bit(type=_STORAGE_16_BIT)
    features = _Features(type=_FEATURES_2, next=ctypes.pointer(storage))
    library.vkGetPhysicalDeviceFeatures2(device, ctypes.byref(features))
    return bool(storage.buffer)


if __name__ == "__main__":
    main()
