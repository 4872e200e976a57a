"""Which ROCm build is for which GPU, and which nodes it takes."""

from __future__ import annotations

import errno

import pytest

from xllamacpp.select import Machine, choose
from xllamacpp.select.amd import Amd
from xllamacpp.select.nodes import ClosedNode
from xllamacpp.select.source import Interpreter
from xllamacpp.select.vulkan import Vulkan

PYTHON = Interpreter("Linux", "x86_64", "glibc 2.39", "3.12.3", "CPython", False)


@pytest.mark.parametrize(
    ("closed", "row"),
    [
        ([], "rocm-6.4"),
        (["/dev/dri/renderD129"], "rocm-6.4"),
        (["/dev/kfd"], "cpu-generic"),
        (["/dev/dri/renderD128", "/dev/dri/renderD129"], "cpu-generic"),
    ],
)
def test_a_node_of_another_gpu_may_be_closed(closed, row):
    machine = Machine(
        PYTHON,
        amd=Amd(("gfx1100",), has_kfd=True),
        vulkan=Vulkan(render_nodes=("AMD", "NVIDIA")),
        closed_nodes=tuple(ClosedNode(name, errno.EACCES, 109) for name in closed),
    )
    choice = choose(machine)
    assert (choice.pip.row, choice.docker.row) == (row, "rocm-6.4")
    refused = [remedy for remedy in choice.remedies if "number 109; sudo usermod -aG" in remedy]
    assert bool(refused) == (row != "rocm-6.4")


@pytest.mark.parametrize(
    ("rocm", "row"),
    [
        ((), "rocm-6.4"),
        (("6.3.2",), "rocm-6.3"),
        (("6.3.2", "7.0.2"), "rocm-6.3"),
        (("6.3.2", "6.4.1"), "rocm-6.4"),
        (("7.0.2",), "rocm-6.4"),
    ],
)
def test_the_build_that_goes_with_a_rocm_that_is_here(rocm, row):
    choice = choose(Machine(PYTHON, amd=Amd(("gfx1100",), rocm=rocm, has_kfd=True)))
    assert (choice.pip.row, choice.docker.row) == (row, "rocm-6.4")
