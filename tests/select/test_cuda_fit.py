"""Which CUDA build is for which GPU and driver, whatever else the machine has."""

from __future__ import annotations

import pytest

from xllamacpp.select import Machine, choose
from xllamacpp.select.nvidia import Nvidia, NvidiaGpu
from xllamacpp.select.source import Interpreter

PYTHON = Interpreter("Linux", "x86_64", "glibc 2.39", "3.12.3", "CPython", False)


def choose_for(driver, *capabilities):
    gpus = tuple(NvidiaGpu(f"GPU {capability}", capability) for capability in capabilities)
    return choose(Machine(PYTHON, nvidia=Nvidia(driver, gpus=gpus, has_nodes=True)))


@pytest.mark.parametrize(
    ("driver", "capabilities", "row"),
    [
        # Both have code for it: the one whose own driver is here, the newest of them.
        ("550.54.15", ["8.6"], "cuda-12.4"),
        ("570.124.05", ["8.6"], "cuda-12.4"),
        ("570.124.06", ["8.6"], "cuda-12.8"),
        ("999.1", ["8.6"], "cuda-12.8"),
        # Neither own driver is here: the older, down to the oldest driver of CUDA 12.
        ("550.54.14", ["8.6"], "cuda-12.4"),
        ("525.60.13", ["8.6"], "cuda-12.4"),
        ("525.60.12", ["8.6"], "cpu-generic"),
        # Code of the same generation with a smaller number will do, of another or a larger one will not.
        ("570.124.06", ["8.7"], "cuda-12.8"),
        ("570.124.06", ["6.0"], "cpu-generic"),
        ("570.124.06", ["6.2"], "cuda-12.8"),
        ("570.124.06", ["10.3"], "cuda-12.8"),
        # Code of its own comes before code that is made on the machine, even with another's driver.
        ("560.28.03", ["10.0"], "cuda-12.8"),
        ("560.28.03", ["12.0"], "cuda-12.8"),
        # Code with an a is for that one alone: this one's is made, which takes the toolkit's own driver.
        ("560.28.03", ["12.1"], "cuda-12.4"),
        ("570.124.06", ["12.1"], "cuda-12.8"),
        ("535.54.03", ["12.1"], "cpu-generic"),
        # Of several GPUs as many as can be.
        ("560.28.03", ["8.6", "12.0"], "cuda-12.8"),
        ("560.28.03", ["8.6", "5.2"], "cuda-12.4"),
        ("560.28.03", ["3.7", "5.2"], "cpu-generic"),
        # Nobody says what it is.
        ("560.28.03", [None], "cuda-12.4"),
    ],
)
def test_the_build_for_a_gpu_and_a_driver(driver, capabilities, row):
    choice = choose_for(driver, *capabilities)
    assert (choice.pip.row, choice.docker.row) == (row, row)


@pytest.mark.parametrize(
    ("driver", "capability", "remedies"),
    [
        ("470.256.02", "8.6", ("install NVIDIA's driver 525.60.13 or newer, then take cuda-12.4",)),
        ("535.54.03", "12.1", ("install NVIDIA's driver 550.54.15 or newer, then take cuda-12.4",)),
        (
            *("470.256.02", "7.0"),
            ("install NVIDIA's driver 525.60.13 or newer, then take cuda-12.4 (the last branch for GPU 7.0 is 580)",),
        ),
        ("470.256.02", "3.7", ()),
        ("570.124.06", "8.6", ()),
    ],
)
def test_what_would_have_to_change(driver, capability, remedies):
    assert choose_for(driver, capability).remedies == remedies


def test_a_container_in_wsl_is_given_the_gpu_and_no_driver():
    (remedy,) = choose(Machine(PYTHON, container="docker", is_wsl=True)).remedies
    assert remedy.startswith("where Windows has an NVIDIA GPU, start the container with --gpus all")


def test_code_that_is_made_on_the_machine_is_said_to_be():
    (reason,) = choose_for("580.65.06", "13.0").pip.reasons
    assert reason.startswith(
        "GPU 13.0 has compute capability 13.0: cuda-12.8 has none of its own for it, and makes it at the first start; "
    )
    (other,) = [each for each in choose_for("580.65.06", "13.0").rejected if each.row == "cuda-12.4"]
    assert "it has no code of its own for compute capability 13.0" in other.reason
