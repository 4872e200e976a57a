"""What keeps CUDA from a GPU: each obstacle, on a machine made up for it."""

from __future__ import annotations

import pytest

from python.gpu_tree import CPU, DOCKER, GPU, HOST, NVIDIA, Tree, device, only

GPUS_ALL = "start the container with --gpus all"


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_a_container_without_nvidias_runtime_is_told_its_flag(tree):
    tree.add(DOCKER)
    tree.environment = {"NVIDIA_VISIBLE_DEVICES": "all"}
    problem, remedy = only(tree.find("cuda", "libcuda.so.1"))
    assert "/dev/nvidia0" in problem
    assert GPUS_ALL in remedy
    assert "capabilities: [gpu]" in remedy


@pytest.mark.parametrize(
    ("mark", "environment", "words"),
    [
        ("run/.containerenv", {}, "--device nvidia.com/gpu=all"),
        (DOCKER, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "resources.limits (nvidia.com/gpu: 1)"),
        (HOST, {"APPTAINER_CONTAINER": "/here.sif"}, "--nv"),
        (HOST, {"SINGULARITY_CONTAINER": "/here.sif"}, "--nv"),
        (HOST, {}, "install NVIDIA's driver"),
    ],
)
def test_remedies_are_in_the_words_of_what_runs_it(tree, mark, environment, words):
    tree.add(mark)
    tree.environment = environment
    _, remedy = only(tree.find("cuda", "libcuda.so.1"))
    assert words in remedy
    assert "--gpus" not in remedy


@pytest.mark.parametrize("value", ["none", "void", ""])
def test_a_variable_that_keeps_gpus_out_of_the_container_is_named(tree, value):
    tree.add(DOCKER)
    tree.environment = {"NVIDIA_VISIBLE_DEVICES": value}
    problem, remedy = only(tree.find("cuda", "libcuda.so.1"))
    assert f"NVIDIA_VISIBLE_DEVICES is '{value}'" in problem
    assert remedy.startswith("leave that variable out")


def test_that_variable_does_not_matter_where_the_gpu_is_there_all_the_same(tree):
    tree.add(DOCKER, *NVIDIA)
    tree.environment = {"NVIDIA_VISIBLE_DEVICES": "void"}
    assert "NVIDIA_VISIBLE_DEVICES" not in str(tree.find("cuda", "libcuda.so.1"))


def test_capabilities_without_compute_explain_a_missing_driver_library(tree):
    tree.add(DOCKER, *NVIDIA)
    tree.environment = {"NVIDIA_DRIVER_CAPABILITIES": "utility"}
    problem, remedy = only(tree.find("cuda", "libcuda.so.1"))
    assert "NVIDIA_DRIVER_CAPABILITIES is 'utility'" in problem
    assert "compute,utility" in remedy


def test_device_nodes_alone_are_not_enough(tree):
    tree.add(DOCKER, *NVIDIA)
    problem, remedy = only(tree.find("cuda", "libcuda.so.1"))
    assert "without libcuda.so.1" in problem
    assert GPUS_ALL in remedy


def test_on_a_host_the_drivers_library_is_to_be_installed(tree):
    tree.add(*NVIDIA)
    problem, remedy = only(tree.find("cuda", "libcuda.so.1"))
    assert problem.startswith("libcuda.so.1, a part of NVIDIA's driver, is missing")
    assert "libcuda1" in remedy


@pytest.mark.parametrize("library", ["libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12"])
def test_a_missing_library_of_the_toolkit_is_told_from_the_driver(tree, library):
    tree.add(*NVIDIA)
    problem, remedy = only(tree.find("cuda", library))
    assert problem == f"{library}, a part of CUDA 12, is missing"
    assert "take the image" in remedy


def test_a_wheel_says_what_installs_the_toolkits_libraries(tree):
    tree.add(*NVIDIA)
    tree.extra_command = "pip install xllamacpp[cuda]"
    _, remedy = only(tree.find("cuda", "libcublas.so.12"))
    assert remedy.startswith("pip install xllamacpp[cuda]; or take the image")
    assert "xllamacpp[cuda]" not in str(tree.find("cuda", "libcuda.so.1"))


@pytest.mark.parametrize("mark", [HOST, DOCKER])
def test_that_the_driver_is_missing_is_said_where_there_is_no_gpu_either(tree, mark):
    tree.add(mark)
    problem, _ = only(tree.find("cuda", "libcuda.so.1"))
    assert problem == "there is no NVIDIA GPU here (no /dev/nvidia0), nor its driver (libcuda.so.1)"


def test_a_driver_that_is_too_old_is_named_with_its_version(tree):
    tree.add(DOCKER, *NVIDIA)
    tree.add(
        "proc/driver/nvidia/version", text="NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.223.02  Sat Oct 7\n"
    )
    tree.answer = (35, "CUDA driver version is insufficient for CUDA runtime version")
    problem, remedy = only(tree.find("cuda"))
    assert "driver 470.223.02 is too old" in problem
    assert "CUDA driver version is insufficient" in problem
    assert "update the driver on the host" in remedy


@pytest.mark.parametrize("value", ["", "-1", "7"])
def test_cuda_visible_devices_is_named_where_it_hides_the_gpu(tree, value):
    tree.add(*NVIDIA)
    tree.environment = {"CUDA_VISIBLE_DEVICES": value}
    tree.answer = (100, "no CUDA-capable device is detected")
    problem, remedy = only(tree.find("cuda"))
    assert f"CUDA_VISIBLE_DEVICES is '{value}'" in problem
    assert "leave that variable out" in remedy


@pytest.mark.parametrize(
    ("code", "words"), [(802, "nvidia-fabricmanager"), (803, "restart"), (999, "nvidia-smi"), (100, "nvidia-smi")]
)
def test_what_else_cuda_says_is_handed_on(tree, code, words):
    tree.add(*NVIDIA)
    tree.answer = (code, "cuda's own words")
    problem, remedy = only(tree.find("cuda"))
    assert "cuda's own words" in problem
    assert words in remedy


def test_a_gpu_under_wsl_is_one_node(tree):
    tree.add("dev/dxg")
    tree.answer = (999, "unknown error")
    assert "unknown error" in only(tree.find("cuda"))[0]


@pytest.mark.parametrize(
    ("nodes", "missing", "answer"),
    [
        (["dev/dxg"], "libcuda.so.1", (0, "")),
        ([], "libcuda.so.1", (0, "")),
        (["dev/dxg"], "", (35, "CUDA driver version is insufficient for CUDA runtime version")),
        (["dev/dxg"], "", (803, "system has unsupported display driver / cuda driver combination")),
        (["dev/dxg"], "", (999, "unknown error")),
    ],
)
def test_in_wsl_it_is_windows_driver_that_is_updated(tree, nodes, missing, answer):
    tree.add(*nodes)
    tree.add("proc/sys/kernel/osrelease", text="5.15.167.4-microsoft-standard-WSL2")
    tree.answer = answer
    _, remedy = only(tree.find("cuda", missing))
    assert remedy.startswith("update NVIDIA's driver in Windows, and then run wsl --shutdown")
    assert "libcuda1" not in remedy


def add_gpu(tree):
    for name, text in {"class": "0x030000", "vendor": "0x10de", "device": "0x1b80"}.items():
        tree.add(f"sys/bus/pci/devices/0000:01:00.0/{name}", text=text)


@pytest.mark.parametrize(("missing", "files"), [("", [HOST]), ("libcuda.so.1", ["usr/bin/nvidia-smi"])])
def test_a_driver_whose_module_is_not_loaded_is_not_to_be_installed(tree, missing, files):
    add_gpu(tree)
    tree.add(*files)
    problem, remedy = only(tree.find("cuda", missing))
    assert problem == "NVIDIA's driver is installed, and its kernel module is not loaded"
    assert remedy.startswith("sudo modprobe nvidia")
    assert "Secure Boot" in remedy


@pytest.mark.parametrize("nodes", [["dev/nvidiactl"], NVIDIA])
def test_a_driver_that_has_dropped_the_gpu_is_told(tree, nodes):
    add_gpu(tree)
    tree.add(*nodes)
    tree.add(
        "proc/driver/nvidia/version", text="NVRM version: NVIDIA UNIX x86_64 Kernel Module  590.48.01  Sat Oct 7\n"
    )
    tree.answer = (100, "no CUDA-capable device is detected")
    _, remedy = only(tree.find("cuda"))
    assert "the last branch for GeForce GTX 10 series, Tesla P4 and P40, V100, Titan V is 580" in remedy
    assert "open kernel modules" in remedy
    assert "dmesg" in remedy


def test_a_driver_that_every_gpu_is_known_to_has_dropped_none(tree):
    add_gpu(tree)
    tree.add(*NVIDIA)
    tree.add(
        "proc/driver/nvidia/version", text="NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Sat Oct 7\n"
    )
    tree.answer = (100, "no CUDA-capable device is detected")
    assert "last branch" not in only(tree.find("cuda"))[1]


def cuda_device(tree, capability):
    tree.capability = capability
    tree.system_info = "CUDA : ARCHS = 610,860 | FA_ALL_QUANTS = 1 | CPU : SSE3 = 1 | "
    return [device("CUDA0", GPU), device("CPU", CPU)]


def test_a_gpu_older_than_all_code_in_this_build_is_kept_out(tree):
    access = tree.diagnose("cuda", devices=cuda_device(tree, 520))
    assert (access.devices, access.unsupported) == ((), ("CUDA0",))
    assert only(access.findings).problem == "CUDA0 has compute capability 5.2; this build begins with 6.1"
    assert "Vulkan" in only(access.findings).remedy


@pytest.mark.parametrize("capability", [610, 750, 1200])
def test_a_gpu_as_new_as_the_oldest_code_is_used(tree, capability):
    access = tree.diagnose("cuda", devices=cuda_device(tree, capability))
    assert (access.devices, access.findings) == (("CUDA0",), ())
