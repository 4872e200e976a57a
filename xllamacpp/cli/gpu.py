"""What a command that loads a model does where this build's GPU cannot be used."""

from __future__ import annotations

import os

import click

from xllamacpp import CommonParams, DeviceError, ParameterError
from xllamacpp.gpu_access import GpuAccess, get_gpu_access

_REQUIRE = "XLLAMACPP_REQUIRE_GPU"


def is_gpu_required() -> bool:
    """Tell whether the environment variable XLLAMACPP_REQUIRE_GPU asks for a GPU.

    Raises
    ------
    ParameterError
        It is neither yes nor no.
    """
    value = os.environ.get(_REQUIRE, "").strip()
    try:
        return bool(value) and bool(click.BOOL.convert(value, None, None))
    except click.BadParameter:
        raise ParameterError(f"{_REQUIRE} is '{value}': expected 1 or 0") from None


def check_gpu(params: CommonParams) -> None:
    """Say on standard error why this build's GPU is not used, if so, and go on with the CPU.

    Parameters
    ----------
    params : CommonParams
        What is going to be loaded. GPUs that llama.cpp would abort on are kept out of its ``devices``.

    Raises
    ------
    DeviceError
        XLLAMACPP_REQUIRE_GPU is set, and there is no GPU that can be used.
    """
    access = get_gpu_access()
    if is_gpu_required() and not access.devices:
        raise DeviceError(f"{_REQUIRE} is set, and no GPU can be used.{_explain(access)}")
    if params.n_gpu_layers == 0 or list(params.devices) == ["none"]:
        # That the CPU does it all is what was asked for.
        return
    if access.findings:
        click.echo(f"Warning: {_lack(access)}.{_explain(access)}", err=True)
    elif not access.backends and params.n_gpu_layers > 0:
        click.echo(f"Warning: no layer goes to a GPU.{_explain(access)}", err=True)
    if access.unsupported and not params.devices:
        params.devices = list(access.devices) or ["none"]


def _lack(access: GpuAccess) -> str:
    if access.devices:
        return f"not every GPU can be used, going on with {', '.join(access.devices)}"
    return f"no GPU can be used, going on with the CPU ({_REQUIRE}=1 makes this an error)"


def _explain(access: GpuAccess) -> str:
    if access.findings:
        return "".join(f"\n  {finding}" for finding in access.findings)
    return (
        "\n  this build is for the CPU only: take the image or the wheel for your GPU (CUDA, ROCm or Vulkan; the "
        "README lists them)"
    )
