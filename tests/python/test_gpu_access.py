"""What keeps a build from its GPUs, whatever they are, and what this build finds here."""

from __future__ import annotations

from pathlib import Path

import pytest

import xllamacpp as xlc
from python.gpu_tree import AMD, CPU, GPU, NVIDIA, Tree, device, only
from xllamacpp.gpu_access import Machine, diagnose, get_gpu_access
from xllamacpp.gpu_access.machine import ask_runtime


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.mark.parametrize(("backend", "tool"), [("cuda", "nvidia-smi"), ("hip", "rocminfo"), ("vulkan", "vulkaninfo")])
def test_where_all_is_in_order_the_tool_that_says_more_is_named(tree, backend, tool):
    tree.add(*NVIDIA, *AMD, "usr/share/vulkan/icd.d/nvidia_icd.json")
    finding = only(tree.diagnose(backend, reason="ggml refused it").findings)
    assert finding.problem == f"the {backend} module is not used (ggml refused it)"
    assert tool in finding.remedy


def test_a_driver_that_does_not_answer_stops_nothing(tree):
    tree.add(*NVIDIA)
    module = {"name": "cuda", "path": str(tree.root / "none.so"), "loaded": True, "reason": ""}
    findings = diagnose(Machine(tree.root, {}), [module], []).findings
    assert only(findings).problem == "the cuda module finds no device"


def test_with_a_gpu_there_is_nothing_to_find(tree):
    access = tree.diagnose("cuda", devices=[device("CUDA0", GPU), device("CPU", CPU)])
    assert (access.backends, access.devices, access.findings) == (("cuda",), ("CUDA0",), ())


def test_the_runtime_is_asked_through_the_modules_own_libraries(tmp_path):
    # Any library will do that has no such function: the real ones need a GPU's driver.
    library = next((Path(xlc.__file__).parent / "lib").glob("libggml-base*"))
    with pytest.raises(AttributeError, match="cudaGetErrorString"):
        ask_runtime(library, "cuda")
    with pytest.raises(OSError, match=r"none\.so"):
        ask_runtime(tmp_path / "none.so", "cuda")


def test_a_driver_that_does_not_answer_about_a_gpu_leaves_it_in_use(tree):
    module = {"name": "cuda", "path": str(tree.root / "none.so"), "loaded": True, "reason": ""}
    access = diagnose(Machine(tree.root, {}), [module], [device("CUDA0", GPU)], "CUDA : ARCHS = 610 | ")
    assert access.devices == ("CUDA0",)


def test_metal_is_a_gpus_backend(tree):
    access = tree.diagnose("metal", devices=[device("MTL0", GPU, "Apple M3"), device("CPU", CPU)])
    assert (access.backends, access.devices, access.findings) == (("metal",), ("MTL0",), ())
    assert "system_profiler" in only(tree.diagnose("metal", reason="no GPU").findings).remedy


def test_this_build_is_what_its_build_info_says():
    access = get_gpu_access()
    assert sorted(["cpu", *access.backends]) == sorted(xlc.BUILD_INFO["backends"])
    if not access.backends:
        assert (access.devices, access.unsupported, access.findings) == ((), (), ())
    else:
        assert access.devices or access.findings
