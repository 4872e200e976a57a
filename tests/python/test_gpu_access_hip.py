"""What keeps ROCm from a GPU: each obstacle, on a machine made up for it."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from python.gpu_tree import AMD, CPU, DOCKER, GPU, HOST, IGPU, Tree, device, only
from xllamacpp.gpu_access import Machine, diagnose


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_the_nodes_of_an_amd_gpu_are_to_be_passed(tree):
    tree.add(DOCKER)
    problem, remedy = only(tree.find("hip"))
    assert "/dev/kfd and /dev/dri are missing" in problem
    assert "--device /dev/kfd --device /dev/dri" in remedy
    assert 'devices: ["/dev/kfd", "/dev/dri"]' in remedy


def test_one_node_without_the_other_is_said(tree):
    tree.add(DOCKER, "dev/dri/renderD128")
    assert "/dev/kfd is missing" in only(tree.find("hip"))[0]


def test_on_a_host_it_is_the_kernels_driver_that_is_missing(tree):
    _, remedy = only(tree.find("hip"))
    assert "amdgpu" in remedy
    assert "--device" not in remedy


def test_apptainer_has_a_flag_for_rocm(tree):
    tree.environment = {"APPTAINER_CONTAINER": "/here.sif"}
    assert "--rocm" in only(tree.find("hip"))[1]


def test_in_wsl_there_is_no_driver_of_linuxs_to_load(tree):
    tree.add("proc/sys/kernel/osrelease", text="5.15.167.4-microsoft-standard-WSL2")
    _, remedy = only(tree.find("hip"))
    assert "WSL gives Linux no device nodes" in remedy
    assert "lspci" not in remedy


def test_a_group_is_given_by_its_number(tree):
    tree.add(DOCKER, *AMD)
    tree.refused = {"dev/kfd": errno.EACCES, "dev/dri/renderD128": errno.EACCES}
    group = (tree.root / "dev/kfd").stat().st_gid
    problem, remedy = only(tree.find("hip"))
    assert "may not open /dev/dri/renderD128, /dev/kfd" in problem
    assert f"start the container with --group-add {group} (" in remedy
    assert f'group_add: ["{group}"]' in remedy


@pytest.mark.parametrize(
    ("mark", "environment", "words"),
    [
        (DOCKER, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "supplementalGroups: [{}]"),
        (
            HOST,
            {"APPTAINER_CONTAINER": "/here.sif"},
            "on the host, add the user to the group that owns them (number {})",
        ),
        (HOST, {}, "(number {}; sudo usermod -aG)"),
    ],
)
def test_elsewhere_a_group_is_given_in_other_ways(tree, mark, environment, words):
    tree.add(mark, *AMD)
    tree.environment = environment
    tree.refused = {"dev/kfd": errno.EACCES}
    group = (tree.root / "dev/kfd").stat().st_gid
    assert words.format(group) in only(tree.find("hip"))[1]


def test_a_node_of_another_group_is_refused_by_the_kernel_itself():
    # Not in pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        tree = Tree(root)
        tree.add(DOCKER, *AMD)
        for node in AMD:
            (root / node).chmod(0)
        before = os.geteuid()
        # Root may open everything.
        if before == 0:
            os.seteuid(65534)
        try:
            module = {"name": "hip", "path": "libggml-hip.so", "loaded": True, "reason": ""}
            findings = diagnose(Machine(root, {}), [module], []).findings
        finally:
            os.seteuid(before)
        assert "may not open /dev/dri/renderD128, /dev/kfd" in only(findings).problem
        assert f"--group-add {(root / 'dev/kfd').stat().st_gid}" in only(findings).remedy


def test_a_group_without_a_number_is_podmans_to_keep(tree, monkeypatch):
    tree.add("run/.containerenv", *AMD)
    tree.refused = {"dev/kfd": errno.EACCES}
    found = os.stat_result((*(tree.root / "dev/kfd").stat()[:5], 65534, *(tree.root / "dev/kfd").stat()[6:]))
    real = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **how: found if path.name == "kfd" else real(path, **how))
    assert "--group-add keep-groups" in only(tree.find("hip"))[1]


def test_a_node_that_the_container_forbids_is_to_be_passed(tree):
    tree.add(DOCKER, *AMD)
    tree.refused = {"dev/kfd": errno.EPERM}
    problem, remedy = only(tree.find("hip"))
    assert problem == "/dev/kfd is there, but the container may not use it"
    assert "--device /dev/kfd" in remedy


def test_a_node_whose_driver_is_gone_is_said(tree):
    tree.add(*AMD)
    tree.refused = {"dev/kfd": errno.ENXIO}
    assert "/dev/kfd cannot be opened: No such device" in only(tree.find("hip"))[0]


def test_a_missing_library_of_rocm_is_named(tree):
    tree.add(*AMD)
    problem, remedy = only(tree.find("hip", "libamdhip64.so.6"))
    assert problem == "libamdhip64.so.6, a part of ROCm, is missing"
    assert "take the image" in remedy


def test_a_library_that_the_linker_does_not_find_is_not_to_be_installed(tree):
    tree.add(*AMD, "opt/rocm-6.4.1/lib/libamdhip64.so.6")
    problem, remedy = only(tree.find("hip", "libamdhip64.so.6"))
    assert problem == "libamdhip64.so.6 is in /opt/rocm-6.4.1/lib, where the dynamic linker does not look"
    assert remedy.startswith("echo /opt/rocm-6.4.1/lib | sudo tee -a /etc/ld.so.conf.d/rocm.conf && sudo ldconfig")
    assert "LD_LIBRARY_PATH=/opt/rocm-6.4.1/lib" in remedy


@pytest.mark.parametrize("name", ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"])
def test_a_variable_that_hides_amd_gpus_is_named(tree, name):
    tree.add(*AMD)
    tree.environment = {name: "-1"}
    tree.answer = (100, "no ROCm-capable device is detected")
    problem, _ = only(tree.find("hip"))
    assert "no ROCm-capable device is detected" in problem
    assert f"{name} is '-1'" in problem


def test_what_else_rocm_says_is_handed_on(tree):
    tree.add(*AMD)
    tree.answer = (100, "no ROCm-capable device is detected")
    assert only(tree.find("hip"))[0] == "ROCm has no device (no ROCm-capable device is detected, error 100)"


def amd_gpu(tree, version, targets):
    """Put an AMD GPU with its topology there, and a module with code for some targets."""
    tree.add(*AMD)
    tree.add("sys/class/kfd/kfd/topology/nodes/0/properties", text="cpu_cores_count 8\ngfx_target_version 0\n")
    tree.add(
        "sys/class/kfd/kfd/topology/nodes/1/properties",
        text=f"simd_count 80\ngfx_target_version {version}\nlocation_id 768\ndomain 0\n",
    )
    names = "".join(f"\0hipv4-amdgcn-amd-amdhsa--{target}\0" for target in targets)
    tree.add("libggml-hip.so", text=f"\x7fELF{names}")
    return [device("ROCm0", GPU, "Radeon", "0000:03:00.0"), device("CPU", CPU)]


@pytest.mark.parametrize(
    ("version", "architecture", "targets", "remedy"),
    [
        (100305, "gfx1035", ["gfx90a", "gfx1030"], "HSA_OVERRIDE_GFX_VERSION=10.3.0 uses the code for gfx1030"),
        (110003, "gfx1103", ["gfx1100", "gfx1101"], "HSA_OVERRIDE_GFX_VERSION=11.0.0"),
        (110502, "gfx1152", ["gfx1100", "gfx1151"], "HSA_OVERRIDE_GFX_VERSION=11.5.1"),
        (110501, "gfx1151", ["gfx1100", "gfx1150"], "HSA_OVERRIDE_GFX_VERSION=11.5.0"),
        (120001, "gfx1201", ["gfx1100", "gfx1200"], "HSA_OVERRIDE_GFX_VERSION=12.0.0"),
        (110502, "gfx1152", ["gfx1100", "gfx1101"], "take a build that has, or the one for Vulkan"),
        # RDNA 1 hangs with the code for RDNA 2, and its members have not the same instructions.
        (100100, "gfx1010", ["gfx1030", "gfx1031"], "take a build that has, or the one for Vulkan"),
        (100102, "gfx1012", ["gfx1010", "gfx1030"], "take a build that has, or the one for Vulkan"),
        (90012, "gfx90c", ["gfx90a", "gfx1030"], "take a build that has"),
    ],
)
def test_a_gpu_without_code_in_this_build_is_kept_out(tree, version, architecture, targets, remedy):
    access = tree.diagnose("hip", devices=amd_gpu(tree, version, targets))
    assert access.devices == ()
    assert access.unsupported == ("ROCm0",)
    assert f"ROCm0 is a {architecture}" in only(access.findings).problem
    assert only(access.findings).remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("version", "targets", "environment"),
    [
        (90010, ["gfx90a"], {}),
        (110000, ["gfx1030", "gfx1100"], {}),
        (100305, ["gfx1030"], {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}),
        (110003, ["gfx11-generic"], {}),
        (110003, [], {}),
    ],
)
def test_a_gpu_with_code_and_one_that_cannot_be_judged_are_used(tree, version, targets, environment):
    tree.environment = environment
    access = tree.diagnose("hip", devices=amd_gpu(tree, version, targets))
    assert access.devices == ("ROCm0",)
    assert access.findings == ()


def test_the_gpu_inside_a_cpu_does_not_matter_beside_another(tree):
    devices = amd_gpu(tree, 110000, ["gfx1100"])
    tree.add(
        "sys/class/kfd/kfd/topology/nodes/2/properties", text="gfx_target_version 100306\nlocation_id 1792\ndomain 0\n"
    )
    access = tree.diagnose("hip", devices=[device("ROCm1", IGPU, "APU", "0000:07:00.0"), *devices])
    assert access.devices == ("ROCm0",)
    assert access.findings == ()
