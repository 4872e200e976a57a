"""Which build is chosen for each of the machines, how it is installed, and why."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from recorded_machines import NAMES, lay_out
from xllamacpp.select import choose, read_machine
from xllamacpp.select.report import as_text
from xllamacpp.select.rows import load_rows


class Expected(NamedTuple):
    """The chosen rows, words that say why, and words that are not said."""

    pip: str | None
    docker: str | None
    said: tuple[str, ...]
    unsaid: tuple[str, ...] = ()


EXPECTED = {
    "rtx_3060_driver_550": Expected(
        *("cuda-12.4", "cuda-12.4"),
        (
            "NVIDIA GeForce RTX 3060 has compute capability 8.6: cuda-12.4 has code for it",
            "driver 550.54.15 is CUDA 12.4's own (550.54.15) or newer",
            "cuda-12.8: it would run too; driver 550.54.15 is older than its own (570.124.06), so cuda-12.4 comes",
            'With pip cuda-12.4 python3 -m pip install --index-url SITE/whl/cu124/ "xllamacpp[cuda]==VERSION+cu124" b',
            "SITE/ stands for the address of the package index: select's --site fills it in",
            "With Docker cuda-12.4 first build the image in a checkout: docker compose --profile cuda-12.4 build",
            "first install NVIDIA's Container Toolkit (https://docs.nvidia.com/datacenter/",
            "install-guide.html): --gpus all takes it, and it is not found here docker run",
            "docker run -p 127.0.0.1:8080:8080 -v models:/models -e MODEL=demo --gpus all xllamacpp:cuda-12.4",
        ),
        ("For a better one", "Not known", "first install lib", "From source", "first install uv"),
    ),
    "rtx_5090_driver_570": Expected(
        *("cuda-12.8", "cuda-12.8"),
        (
            "NVIDIA GeForce RTX 5090 has compute capability 12.0: cuda-12.8 has code for it",
            "cuda-12.4: it would run too; it has no code of its own for compute capability 12.0, so cuda-12.8",
            "python3 -m pip install --index-url SITE/whl/cu128/ xllamacpp==VERSION+cu128 because",
        ),
        ("first install lib", "[cuda]"),
    ),
    "rtx_5090_driver_550": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "NVIDIA's driver 550.54.15 does not know the GPU that is here (10de:2b85)",
            "install NVIDIA's driver 570.124.06 or newer, then take cuda-12.8",
        ),
        ("install Vulkan's loader",),
    ),
    "gtx_1080_driver_535": Expected(
        *("cuda-12.4", "cuda-12.4"),
        (
            "compute capability 6.1",
            "driver 535.183.01 is older than CUDA 12.4's own (550.54.15), but new enough (525.60.13)",
        ),
    ),
    "gtx_980_vulkan": Expected(
        *("vulkan", "vulkan"),
        (
            "NVIDIA GeForce GTX 980 has compute capability 5.2, and cuda-12.4 begins with 6.1",
            "Vulkan lists NVIDIA GeForce GTX 980 (1.3.242)",
            "-e MODEL=demo --gpus all xllamacpp:vulkan",
        ),
    ),
    "h100_driver_525": Expected(
        *("cuda-12.4", "cuda-12.4"),
        ("compute capability 9.0", "new enough (525.60.13)", "--gpus all xllamacpp:cuda-12.4"),
        ("Container Toolkit",),
    ),
    "h200_driver_580": Expected(
        *("cuda-12.8", "cuda-12.8"),
        (
            "in a container (docker), glibc 2.39, CPython 3.12.3",
            "NVIDIA: driver 580.159.04 (CUDA 13.0); NVIDIA H200, compute capability 9.0",
            'python -m pip install --index-url SITE/whl/cu128/ "xllamacpp[cuda]==VERSION+cu128"',
            "Not known: Vulkan's loader failed: libvulkan.so.1, Vulkan's loader, is missing",
            "the host needs NVIDIA's Container Toolkit, which --gpus all takes",
        ),
        ("first install NVIDIA's Container Toolkit",),
    ),
    "tesla_k80_driver_470": Expected(
        *("cpu-generic", "cpu-generic"),
        ("Tesla K80 has compute capability 3.7, and cuda-12.8 begins with 6.1",),
        # No newer driver knows it.
        ("install NVIDIA's driver", "Not known"),
    ),
    "nvidia_smi_hangs": Expected(
        *("cuda-12.4", "cuda-12.4"),
        (
            "Not known: nvidia-smi did not answer within 0.2 s",
            "NVIDIA GeForce RTX 3060: its compute capability is not known",
        ),
    ),
    "nvidia_without_driver": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "there is an NVIDIA GPU (10de:2504), and not NVIDIA's driver",
            (
                "install NVIDIA's driver 525.60.13 or newer, then take cuda-12.4 (the last branch for GeForce GTX 10 "
                "series, Tesla P4 and P40, V100, Titan V is 580)"
            ),
            "GPU without a driver: 10de:2504",
        ),
        ("8086:7ad0",),
    ),
    "gtx_980_and_rtx_3060": Expected(
        *("cuda-12.4", "cuda-12.4"),
        (
            "compute capability 8.6: cuda-12.4 has code",
            "compute capability 5.2: cuda-12.4 cannot use it",
        ),
    ),
    "rx_7900_xtx_rocm_64": Expected(
        *("rocm-6.4", "rocm-6.4"),
        (
            "rocm-6.4 has code for gfx1100 (Radeon RX 7900, PRO W7900 and W7800); ROCm 6.4.1 is installed",
            "rocm-6.3: it would run too; rocm-6.4 comes first",
            "--device /dev/kfd --device /dev/dri --group-add 109 --group-add 44 xllamacpp:rocm-6.4",
        ),
        ("first install", "NVIDIA's Container Toolkit"),
    ),
    "rx_7900_xtx_rocm_63": Expected(
        *("rocm-6.3", "rocm-6.4"),
        ("rocm-6.4 with pip: it would run too; the installed ROCm is 6.3.2, so rocm-6.3 comes first",),
    ),
    "rx_7900_xtx_rocm_7": Expected(
        *("rocm-6.4", "rocm-6.4"),
        ("it needs the libraries of ROCm 6.4, and 7.0.2 is installed", "first install libamdhip64.so.6 and"),
    ),
    "rx_9070": Expected(
        *("rocm-6.4", "rocm-6.4"),
        (
            "rocm-6.3: rocm-6.3 has no code for gfx1201 (Radeon RX 9070, AI PRO R9700)",
            "With pip rocm-6.4 first install libamdhip64.so.6 and libhipblas.so.2 and librocblas.so.4, of ROCm 6.4",
        ),
        ("For a better one",),
    ),
    "mi300x": Expected(*("rocm-6.4", "rocm-6.4"), ("has code for gfx942 (Instinct MI300, MI325); ROCm 6.4.3",)),
    "gfx90c_apu": Expected(
        *("vulkan", "vulkan"),
        (
            "rocm-6.4: rocm-6.4 has no code for gfx90c",
            "Vulkan lists AMD Radeon Graphics (RADV RENOIR) (1.3.289, inside the CPU)",
            "the image brings Vulkan drivers that know most GPUs of AMD, and /dev/dri has one",
            "--device /dev/dri --group-add 109 --group-add 44 xllamacpp:vulkan",
        ),
        ("From source",),
    ),
    "intel_arc": Expected(
        *("vulkan", "vulkan"),
        (
            "Vulkan lists Intel(R) Arc(tm) A770 Graphics (DG2) (1.4.318)",
            "--group-add 993 --group-add 44 xllamacpp:vulkan",
            "cuda-12.4: there is no NVIDIA GPU",
            "rocm-6.4: there is no AMD GPU",
        ),
        ("(1.4.318), llvmpipe",),
    ),
    "llvmpipe_only": Expected(
        *("cpu-generic", "cpu-generic"),
        ("the only Vulkan device computes on the CPU (llvmpipe (LLVM 19.1.7, 512 bits))",),
        ("For a better one",),
    ),
    "vulkan_crashes": Expected(
        *("cpu-generic", "cpu-generic"), ("Not known: Vulkan's loader failed: it ended with -11",)
    ),
    "avx512_without_gpu": Expected(
        *("cpu-generic", "cpu-generic"), ("for Intel(R) Xeon(R) Platinum 8480+, which is x86-64-v4",)
    ),
    "before_avx": Expected(*("cpu-generic", "cpu-generic"), ("E8400 @ 3.00GHz, which is x86-64-v1",)),
    "debian_11": Expected(
        *("cpu-generic", "cuda-12.4"),
        ("cuda-12.4 with pip: its wheel needs glibc 2.35 or newer, and this is glibc 2.31",),
    ),
    "alpine": Expected(*(None, "cpu-generic"), ("its wheel is for glibc 2.31 or newer, and this is musl",)),
    "aarch64": Expected(
        *(None, None),
        (
            "its wheel is for x86_64, and this is aarch64",
            "its image is for x86_64, and this is aarch64",
            "From source build it here: pip install . in a checkout (README.md, Building)",
        ),
        ("For a better one",),
    ),
    "macos_arm64": Expected(
        *(None, None),
        (
            "there is no wheel for macOS yet: all are for Linux",
            "From source build it here: pip install . in a checkout",
        ),
    ),
    "windows": Expected(
        *(None, "cuda-12.4"),
        (
            "there is no wheel for Windows yet: all are for Linux",
            "driver 566.36 (CUDA 12.7); NVIDIA GeForce RTX 4070, compute capability 8.9",
        ),
        # Docker Desktop has it.
        ("Container Toolkit",),
    ),
    "python_310": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "the wheels are for Python 3.11 and newer, and this is 3.10.12: uv brings one that fits",
            "first install uv: https://docs.astral.sh/uv/",
            "uv venv --python 3.11 --allow-existing xllamacpp-env uv pip install --python xllamacpp-env --index-url",
            "--index-url SITE/whl/cpu/ xllamacpp==VERSION+cpu because",
            "its programs are in xllamacpp-env/bin",
        ),
    ),
    "free_threaded": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "CPython 3.14.0 free-threaded",
            "this one is free-threaded: uv brings one that fits",
            "uv pip install --python xllamacpp-env",
        ),
    ),
    "pypy": Expected(*("cpu-generic", "cpu-generic"), ("the wheels are for CPython, and this is PyPy: uv brings",)),
    "wsl2": Expected(
        *("cuda-12.8", "cuda-12.8"),
        (
            "in WSL",
            "driver 572.83 (CUDA 12.8)",
            "compute capability 8.9",
            "install-guide.html), unless Docker is Docker Desktop, which has it: --gpus all takes it",
        ),
    ),
    "container_without_gpu": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "in a container (docker)",
            "NVIDIA's driver 550.54.15 is on the host, and its GPU is not in this container",
            "start the container with --gpus all (Compose: ",
            "Container Toolkit; or ask outside of it",
            "run this on the host, outside of this container",
        ),
        ("install NVIDIA's driver",),
    ),
    "dgx_spark": Expected(
        *(None, None),
        (
            "its wheel is for x86_64, and this is aarch64",
            "From source build it here: pip install . in a checkout, with XLLAMACPP_BUILD_CUDA=1 in the environment",
            "in the environment and CUDA's toolkit installed (README.md, Building)",
        ),
        ("For a better one", "CPython 3.11 or newer"),
    ),
    "rhel_8": Expected(
        *(None, "cuda-12.8"),
        (
            "With pip nothing: its wheel needs glibc 2.35 or newer, and this is glibc 2.28",
            "cpu-generic with pip: its wheel needs glibc 2.31 or newer, and this is glibc 2.28",
        ),
    ),
    "rhel_9": Expected(
        *("cpu-generic", "cuda-12.8"),
        (
            "cuda-12.8 with pip: its wheel needs glibc 2.35 or newer, and this is glibc 2.34",
            "XLLAMACPP_BUILD_CUDA=1 in the environment and CUDA's toolkit installed and CPython 3.11 or newer",
        ),
    ),
    "rx_6700_xt": Expected(
        *("cpu-generic", "vulkan"),
        (
            "vulkan with pip: its wheel needs glibc 2.39 or newer, and this is glibc 2.35",
            "XLLAMACPP_BUILD_VULKAN=1 in the environment and Vulkan's headers and glslc installed",
        ),
        ("XLLAMACPP_BUILD_HIP",),
    ),
    "debian_12": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "first install python3-venv (Debian, Ubuntu)",
            "python3 -m venv xllamacpp-env xllamacpp-env/bin/python -m pip install --index-url SITE/whl/cpu/ xllama",
            "the system keeps pip from installing for this Python: an environment takes it",
        ),
        ("uv ",),
    ),
    "uv_environment": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "first install libstdc++.so.6 and libgcc_s.so.1, of the system",
            "uv pip install --python python --index-url SITE/whl/cpu/ xllamacpp==VERSION+cpu because",
            "this Python has no pip: uv installs for it",
        ),
        ("first install uv", "venv"),
    ),
    "container_without_kfd": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "gfx1100 (Radeon RX 7900, PRO W7900 and W7800) is on the host, and not in this container (no /dev/kfd)",
            "start the container with --device /dev/kfd --device /dev/dri (Compose: ",
        ),
    ),
    "kubernetes_without_gpu": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "in a container (kubernetes)",
            "ask for it in the pod's resources.limits (nvidia.com/gpu: 1)",
            "in Kubernetes, make a pod of this image",
        ),
        ("--gpus", "run this on the host", "Not known"),
    ),
    "apptainer_without_nv": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "in a container (apptainer)",
            "the GPU's device nodes are here without libcuda.so.1",
            "start the container with --nv",
        ),
        ("--gpus", "Not known"),
    ),
    "wsl2_old_driver": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "NVIDIA's driver 512.95 is too old",
            "update NVIDIA's driver in Windows, and then run wsl --shutdown there; install none in Linux; then take",
        ),
        ("install NVIDIA's driver",),
    ),
    "wsl2_amd": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "WSL shows no NVIDIA GPU: where Windows has one, install NVIDIA's driver there, and none in Linux",
            "WSL shows Linux no AMD GPU",
            "vulkan: WSL shows GPUs to Linux as /dev/dxg alone",
        ),
        ("Not known", "1414", "GPU without a driver", "there is no GPU"),
    ),
    "gtx_1080_driver_470": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            (
                "install NVIDIA's driver 525.60.13 or newer, then take cuda-12.4 "
                "(the last branch for NVIDIA GeForce GTX 1080 is 580)"
            ),
        ),
    ),
    "gtx_1080_driver_590": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "NVIDIA's driver 590.48.01 shows no GPU, and one is here (10de:1b80)",
            (
                "see what dmesg says of NVRM: the last branch for GeForce GTX 10 series, Tesla P4 and P40, V100, "
                "Titan V is 580; GeForce RTX 50 and newer take NVIDIA's open kernel modules"
            ),
        ),
        ("or newer, then take cuda",),
    ),
    "nvidia_module_not_loaded": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            "NVIDIA's driver is installed, and its kernel module is not loaded",
            "sudo modprobe nvidia loads it, or dmesg says why not",
            "Secure Boot",
            "dkms status",
        ),
        ("and not NVIDIA's driver", "install NVIDIA's driver"),
    ),
    "nvidia_driver_mismatch": Expected(
        *("cpu-generic", "cpu-generic"),
        ("the parts of NVIDIA's driver do not fit together", "restart this machine; then ask again"),
        ("Not known", "803", "install Vulkan's loader"),
    ),
    "jetson": Expected(
        *(None, None),
        ("the GPU of a Jetson takes JetPack's CUDA", "XLLAMACPP_BUILD_CUDA=1", "From source build it here"),
        ("there is no NVIDIA GPU",),
    ),
    "rx_7900_xtx_and_igpu": Expected(
        *("rocm-6.4", "rocm-6.4"),
        ("rocm-6.4 has code for gfx1100 (Radeon RX 7900, PRO W7900 and W7800); it cannot use gfx1036; ROCm 6.4.1 is",),
    ),
    "rx_9070_rocm_7_vulkan": Expected(
        *("vulkan", "rocm-6.4"),
        (
            (
                "rocm-6.4 with pip: it would run too; libamdhip64.so.6 and libhipblas.so.2 and librocblas.so.4 would "
                "have to be installed first, so vulkan comes first"
            ),
            "Vulkan lists AMD Radeon RX 9070 XT (RADV GFX1201) (1.4.309)",
        ),
        ("first install",),
    ),
    "rx_7900_xtx_rocm_unlinked": Expected(
        *("rocm-6.4", "rocm-6.4"),
        (
            (
                "first have the dynamic linker find libamdhip64.so.6 and libhipblas.so.2 and librocblas.so.4: "
                "echo /opt/rocm-6.4.1/lib | sudo tee -a /etc/ld.so.conf.d/rocm.conf && sudo ldconfig; "
                "or, in each shell, export LD_LIBRARY_PATH=/opt/rocm-6.4.1/lib"
            ),
        ),
        ("first install",),
    ),
    "rx_7900_xtx_two_rocms": Expected(
        *("rocm-6.4", "rocm-6.4"),
        ("ROCm 6.4.1 and 7.0.2; Linux's own amdgpu", "ROCm 6.4.1 is installed", "rocm-6.3: it would run too; rocm-6.4"),
        ("is installed, and", "first install", "first have"),
    ),
    "rx_7900_xtx_not_in_group": Expected(
        *("cpu-generic", "rocm-6.4"),
        (
            "rocm-6.4 with pip: this user (uid ",
            "may not open /dev/dri/renderD128, /dev/kfd",
            "sudo usermod -aG), and log in again; then take rocm-6.",
        ),
    ),
    "intel_hd_4000": Expected(
        *("cpu-generic", "cpu-generic"),
        (
            (
                "vulkan: Intel(R) HD Graphics 4000 (IVB GT2) cannot keep 16-bit numbers in buffers "
                "(storageBuffer16BitAccess), as llama.cpp wants it"
            ),
        ),
        ("For a better one",),
    ),
    "intel_arc_not_in_group": Expected(
        *("cpu-generic", "vulkan"),
        (
            "vulkan with pip: this user (uid ",
            "may not open /dev/dri/renderD128",
            "sudo usermod -aG), and log in again; then take vulkan",
        ),
        ("the only Vulkan device computes on the CPU",),
    ),
}


def test_every_machine_has_an_answer():
    assert sorted(EXPECTED) == NAMES


@pytest.mark.parametrize("name", EXPECTED)
def test_the_build_for_a_machine_and_why(name, tmp_path):
    machine, rows = read_machine(lay_out(name, tmp_path)), load_rows()
    choice = choose(machine, rows)
    expected = EXPECTED[name]
    assert (choice.pip and choice.pip.row, choice.docker and choice.docker.row) == expected[:2]
    # Without its line breaks.
    text = " ".join(as_text(choice, machine, rows).split())
    for words in expected.said:
        assert words.replace("VERSION", rows.version) in text
    for words in expected.unsaid:
        assert words not in text
    # Each row is taken or has its reason, in both ways.
    for way, offer in (("pip", choice.pip), ("docker", choice.docker)):
        rejected = [each.row for each in choice.rejected if way in each.ways]
        assert sorted([*rejected, *([offer.row] if offer else [])]) == sorted(row.name for row in rows.rows)
    assert all(each.reason for each in choice.rejected)
