"""What keeps Vulkan from a GPU: each obstacle, on a machine made up for it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from python.gpu_tree import DOCKER, GPU, HOST, LAVAPIPE, NVIDIA, RADV, Tree, device, only


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_vulkan_in_a_container_names_the_flags_of_each_vendor(tree):
    tree.add(DOCKER, RADV)
    problem, remedy = only(tree.find("vulkan"))
    assert "no render node in /dev/dri" in problem
    assert "--device /dev/dri" in remedy
    assert "--gpus all" in remedy
    assert "graphics" in remedy


def test_vulkan_needs_the_group_too(tree):
    tree.add(DOCKER, RADV, "dev/dri/renderD128")
    tree.refused = {"dev/dri/renderD128": errno.EACCES}
    assert "--group-add" in only(tree.find("vulkan"))[1]


def test_a_missing_loader_is_named(tree):
    tree.add(RADV, "dev/dri/renderD128")
    problem, remedy = only(tree.find("vulkan", "libvulkan.so.1"))
    assert problem == "libvulkan.so.1, Vulkan's loader, is missing"
    assert "libvulkan1" in remedy


def test_no_driver_is_named(tree):
    tree.add("dev/dri/renderD128")
    problem, remedy = only(tree.find("vulkan"))
    assert "there is no Vulkan driver here" in problem
    assert "mesa-vulkan-drivers" in remedy


def test_a_driver_for_the_cpu_is_none_for_the_gpu(tree):
    tree.add("dev/dri/renderD128", LAVAPIPE)
    assert "computes on the CPU (lvp_icd.x86_64.json)" in only(tree.find("vulkan"))[0]


@pytest.mark.parametrize("name", ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
@pytest.mark.parametrize("value", [f"/{LAVAPIPE}", f"/nowhere.json:/{Path(LAVAPIPE).parent}/lvp_icd.x86_64.json"])
def test_drivers_that_a_variable_names_are_all_there_are(tree, name, value):
    tree.add("dev/dri/renderD128", LAVAPIPE, RADV)
    tree.environment = {name: value}
    problem, remedy = only(tree.find("vulkan"))
    assert "lvp_icd" in problem
    assert "VK_DRIVER_FILES" in remedy


@pytest.mark.parametrize(
    ("folder", "environment"),
    [
        ("etc/vulkan/icd.d", {}),
        ("opt/share/vulkan/icd.d", {"XDG_DATA_DIRS": "/opt/share:"}),
        ("home/me/.local/share/vulkan/icd.d", {"HOME": "/home/me"}),
    ],
)
def test_drivers_are_looked_for_where_vulkan_does(tree, folder, environment):
    tree.add("dev/dri/renderD128", f"{folder}/intel_icd.json")
    tree.environment = environment
    assert only(tree.find("vulkan"))[0] == "the vulkan module finds no device"


@pytest.mark.parametrize(("mark", "words"), [(DOCKER, "compute,utility,graphics"), (HOST, "nvidia-vulkan-icd")])
def test_nvidias_driver_for_vulkan_is_one_of_its_own(tree, mark, words):
    tree.add(mark, *NVIDIA, RADV, LAVAPIPE)
    problem, remedy = only(tree.find("vulkan"))
    assert "NVIDIA's Vulkan driver is not here" in problem
    assert words in remedy


def test_a_variable_that_hides_vulkan_devices_is_named(tree):
    tree.add("dev/dri/renderD128", RADV)
    tree.environment = {"GGML_VK_VISIBLE_DEVICES": ""}
    assert "GGML_VK_VISIBLE_DEVICES is ''" in only(tree.find("vulkan"))[0]


def test_a_device_that_computes_on_the_cpu_is_no_gpu(tree):
    tree.add(DOCKER, LAVAPIPE)
    tree.environment = {"GGML_VK_VISIBLE_DEVICES": "0"}
    access = tree.diagnose("vulkan", devices=[device("Vulkan0", GPU, "llvmpipe (LLVM 15.0.6, 256 bits)")])
    assert access.devices == ()
    problems = [finding.problem for finding in access.findings]
    assert problems[0] == "Vulkan0 (llvmpipe (LLVM 15.0.6, 256 bits)) computes on the CPU"
    assert any("/dev/dri" in problem for problem in problems)
