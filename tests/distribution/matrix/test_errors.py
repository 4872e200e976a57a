"""What matrix.yaml must not say: each mistake is refused with its line, its row, its key, and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

import matrix

TEXT = (Path(__file__).resolve().parents[3] / matrix.FILE).read_text(encoding="utf-8")


@pytest.fixture
def refusal(tmp_path):
    """Change one place of matrix.yaml, in a row where one is named; return what loading it says, and the new text."""

    def edit(row, old, new):
        begin, end = 0, len(TEXT)
        if row:
            begin = TEXT.index(f"\n  {row}:\n") + 1
            end = begin + re.search(r"\n\n( {2}\w|#)", TEXT[begin:]).start()
        part = TEXT[begin:end]
        assert part.count(old) == 1, f"{old!r} stands {part.count(old)} times in {row or 'the file'}"
        text = TEXT[:begin] + part.replace(old, new) + TEXT[end:]
        (tmp_path / matrix.FILE).write_text(text, encoding="utf-8")
        with pytest.raises(matrix.MatrixError) as caught:
            matrix.load(tmp_path)
        return str(caught.value), text

    return edit


class Mistake(NamedTuple):
    """One mistake: what stands in the row, what is put there instead, which key is named, and what is said."""

    row: str
    old: str
    new: str
    key: str
    said: str


SDK = "    bases: {sdk: {name: 'a:b', digest: null, glibc: '2.3', gcc: 1, packages: [], stand_in: {none: x}}}\n"
NEWER_OLDEST = "    bases: {oldest: {glibc: '2.37'}}\n"
COMPILING_OLDEST = "    bases: {oldest: {gcc: 10}}\n"

WRONG_SHAPE = [
    ("cuda-12.4", "host_gcc_max:", "host_gcc_mx:", "cuda.host_gcc_mx", "Did you mean host_gcc_max?"),
    ("vulkan", "    hardware:", "    hardwear:", "hardwear", "Did you mean hardware?"),
    ("cuda-12.4", "      host_gcc_max: 13\n", "", "cuda.host_gcc_max", "is missing"),
    ("cpu-native", "label: native", "lable: native", "wheel.lable", "Did you mean label?"),
    ("cuda-12.4", "toolkit: 12.4.1", "toolkit: 12.4", "cuda.toolkit", "is 12.4: it has to be text (put it in quotes)"),
    ("cuda-12.4", "host_gcc_max: 13", 'host_gcc_max: "13"', "cuda.host_gcc_max", "it has to be a whole number"),
    ("cpu-generic", "each_change: true", "each_change: 1", "ci.each_change", "is 1: it has to be true or false"),
    ("vulkan", "backend: vulkan", "backend: vulcan", "backend", "it has to be one of cpu, cuda, hip, vulkan"),
    ("rocm-6.3", "groups: [render, video]", "groups: render", "container.groups", "it has to be a list"),
    ("vulkan", "devices: [/dev/dri]", "devices: [7]", "container.devices[0]", "it has to be text"),
    ("rocm-6.3", "version: 6.3.4", "version: null", "rocm.version", "is null: it has to be text"),
    (
        "rocm-6.4",
        "      version: 6.4.4",
        "      gfx: x\n      version: 6.4.4",
        "rocm.gfx",
        "Known here: version, targets",
    ),
    ("cpu-generic", "    image: {max_mb: 150}", "    image: 150", "image", "is 150: it has to be a mapping"),
    (
        "cuda-12.4",
        "provided: {libcuda.so.1: NVIDIA's driver}",
        "provided: 5",
        "needed.provided",
        "it has to be a mapping",
    ),
]

ILLEGAL = [
    ("vulkan", "dockerfile: vulkan", "dockerfile: cpu", "dockerfile", "vulkan is built by vulkan, not cpu"),
    ("cpu-generic", "backend: cpu", "backend: hip", "rocm", "is missing"),
    ("cpu-generic", "    driver: none\n", "", "driver", "is missing"),
    (
        *("cpu-generic", "    driver: none", SDK + "    driver: none"),
        *("bases.sdk", "a CPU row has none"),
    ),
    ("cuda-12.8", "    alias: cuda", "    driver: any\n    alias: cuda", "driver", "comes from min_driver"),
    ("cpu-generic", "    driver:", "    libraries: [libx.so]\n    driver:", "libraries", "a CPU row has no GPU module"),
    ("cuda-12.4", "toolkit: 12.4.1", "toolkit: 12.8.1", "cuda", "the row is to be called cuda-12.8"),
    ("cuda-12.4", "toolkit: 12.4.1", "toolkit: 12.8.1", "bases.sdk.name", "which is not cuda 12.8.1"),
    ("cuda-12.4", "toolkit: 12.4.1", "toolkit: 13.0.1", "cuda.toolkit", "is 13.0.1: known are 12.4, 12.8"),
    ("cuda-12.4", "toolkit: 12.4.1", 'toolkit: "12.4"', "cuda.toolkit", "three numbers, as 12.4.1"),
    ("cuda-12.4", "90-real, 90", "90-real, 100-real, 90", "cuda.architectures", "100-real: CUDA 12.4 knows 50, 52"),
    ("cuda-12.4", "86-real, 89", "86-all, 89", "cuda.architectures", "86-all: write 86-real"),
    ("cuda-12.4", "90-virtual]", "90a-virtual]", "cuda.architectures", "90a-virtual: PTX with a runs on that one GPU"),
    ("cuda-12.4", ", 90-virtual]", "]", "cuda.architectures", "there has to be one -virtual, at the end"),
    (
        "cuda-12.8",
        "100-real, 120a-real, 90-virtual",
        "90-virtual, 100-real",
        "cuda.architectures",
        "one -virtual, at the",
    ),
    ("cuda-12.4", "61-real, 70-real", "70-real, 61-real", "cuda.architectures", "from the oldest to the newest"),
    ("cuda-12.4", "61-real, 70", "60-real, 70", "cuda.architectures", "gpus does not say which GPUs 60 is"),
    ("cuda-12.4", "sample: 86-real", "sample: 87-real", "cuda.sample", "is 87-real: one of 61-real, "),
    ("cuda-12.4", "host_gcc_max: 13", "host_gcc_max: 14", "cuda.host_gcc_max", "nvcc 12.4 takes GCC 13 and older"),
    ("cuda-12.4", "gcc: 11", "gcc: 14", "bases.sdk.gcc", "is 14: nvcc 12.4 takes GCC 13 and older"),
    ("cuda-12.4", "gcc: 13", "gcc: 14", "bases.sdk.stand_in.gcc", "is 14: nvcc 12.4 takes GCC 13 and older"),
    ("cuda-12.4", "ptx: 550.54.15", "ptx: 520.61.05", "cuda.min_driver.ptx", "is older than sass"),
    (
        *("cuda-12.4", 'GGML_CUDA_NCCL: "OFF"', "GGML_CUDA_COMPRESSION_MODE: size"),
        *("cmake.module", "nvcc has it from 12.8 on"),
    ),
    ("rocm-6.3", "gfx1102]", "gfx1102, gfx1201]", "rocm.targets", "gfx1201: ROCm 6.3 has gfx"),
    ("rocm-6.3", "gfx1102]", "gfx1102, gfx908]", "rocm.targets", "has one of them twice"),
    ("rocm-6.3", "version: 6.3.4", "version: 6.9.1", "rocm.version", "is 6.9.1: known are 6.3, 6.4"),
    ("rocm-6.4", "sample: gfx1100", "sample: gfx900", "rocm.sample", "is gfx900: one of gfx908, "),
    (
        *("rocm-6.3", '        GGML_HIP_RCCL: "OFF"', "        GPU_TARGETS: gfx1100"),
        *("cmake.module.GPU_TARGETS", "follows from the row's architectures"),
    ),
    (
        "cuda-12.4",
        "GGML_CUDA_NCCL:",
        "-DGGML_CUDA_NCCL:",
        "cmake.module.-DGGML_CUDA_NCCL",
        "is no name of a CMake option",
    ),
    (
        "cpu-native",
        "XLLAMACPP_CPU: native",
        "XLLAMACPP_CPU: fast",
        "cmake.core.XLLAMACPP_CPU",
        "has to be all or native",
    ),
    ("cpu-native", "image: {published: false", "image: {published: true", "image.published", "is never published"),
    ("cpu-native", "      published: false", "      published: true", "wheel.published", "is never published"),
    ("cpu-native", "platform: linux_x86_64", "platform: manylinux_2_35_x86_64", "wheel.platform", "is linux_x86_64"),
    ("cpu-native", "    forbid_env: [SOURCE_DATE_EPOCH]\n", "", "forbid_env", "has to have SOURCE_DATE_EPOCH"),
    ("vulkan", "manylinux_2_39_x86_64", "linux_x86_64", "wheel.platform", "manylinux_2_NN_x86_64"),
    ("vulkan", "manylinux_2_39_x86_64", "manylinux_2_42_x86_64", "wheel.platform", "the runtime image has glibc 2.41"),
    ("vulkan", "manylinux_2_39_x86_64", "manylinux_2_30_x86_64", "wheel.platform", "the core is built for glibc 2.31"),
    (
        *("cpu-generic", "    driver: none", NEWER_OLDEST + "    driver: none"),
        *("bases.oldest.glibc", "is 2.37, newer than the builder's 2.36"),
    ),
    (
        *("cpu-generic", "    driver: none", COMPILING_OLDEST + "    driver: none"),
        *("bases.oldest.gcc", "nothing is compiled in the oldest image"),
    ),
    ("cpu-native", "      why: it may not start on another processor\n", "", "wheel.why", "why is it not published?"),
    ("cpu-generic", "image: {max_mb", "image: {why: x, max_mb", "image.why", "is for what is not published"),
    ("cpu-generic", "image: {max_mb: 150}", "image: {max_mb: 0}", "image.max_mb", "is 0: a number above 0"),
    ("cpu-generic", "index: cpu", "index: null", "wheel.index", "is where a published wheel is found"),
    ("cpu-native", "index: null", "index: native", "wheel.index", "is not published"),
    ("vulkan", "max_mb: 80", "max_mb: 2500", "wheel.max_mb", "a published file may have 2000 MB"),
    ("vulkan", "label: vulkan", "label: Vulkan_1", "wheel.label", "small letters and digits"),
    ("vulkan", "index: vulkan", "index: vulkan1", "wheel.index", "is found under its label, vulkan"),
    ("vulkan", "index: vulkan", "index: vk, index_aliases: [vulkan]", "wheel.index", "it has to begin with vulkan"),
    ("rocm-6.4", "[rocm6.4, rocm-6.4]", "[rocm6.4, rocm-6.3]", "wheel.index_aliases", "it has to begin with rocm6.4"),
    ("rocm-6.4", "rocm-6.4]", "rocm_6.4]", "wheel.index_aliases", "in parts joined by . or -"),
    ("rocm-6.4", "rocm-6.4]", "rocm6.4]", "wheel.index", "rocm6.4 is taken by the row rocm-6.4"),
    ("cpu-native", "index: null", "index_aliases: [x]\n      index: null", "wheel.index_aliases", "there is no index"),
    ("cpu-generic", "label: cpu", "label: null", "wheel.label", "public index's other project"),
    ("cuda-12.4", "label: cu124", "label: cu12", "wheel.label", "cuda 12.4 is cu124"),
    (
        "vulkan",
        "label: vulkan, index: vulkan",
        "label: native, index: native",
        "wheel.label",
        "taken by the row cpu-native",
    ),
    (
        "vulkan",
        "label: vulkan, index: vulkan",
        "label: null, index: cpu",
        "wheel.index",
        "taken by the row cpu-generic",
    ),
    (
        *("vulkan", "max_mb: 80}", "max_mb: 80, extra: {name: x, packages: {}}}"),
        *("wheel.extra", "there are no libraries that it would bring"),
    ),
    ("cuda-12.4", "name: cuda\n", "name: Cuda\n", "wheel.extra.name", "is Cuda: small letters and digits"),
    (
        *("rocm-6.3", "max_mb: 300\n", "max_mb: 300\n      extra: {name: rocm, packages: {}}\n"),
        *("wheel.extra.packages", "is empty"),
    ),
    (
        *("cuda-12.4", "nvidia-cublas-cu12:", "nvidia_cublas:"),
        *("wheel.extra.packages.nvidia_cublas", "write nvidia-cublas,"),
    ),
    (
        *("cuda-12.4", "folder: nvidia/cublas/lib", "folder: /usr/local/cuda/lib64"),
        *("wheel.extra.packages.nvidia-cublas-cu12.folder", "is /usr/local/cuda/lib64: a path from site-packages on"),
    ),
    (
        *("cuda-12.4", "folder: nvidia/cublas/lib", "folder: ../nvidia/lib"),
        *("wheel.extra.packages.nvidia-cublas-cu12.folder", "is ../nvidia/lib: a path from site-packages on"),
    ),
    (
        *("cuda-12.4", '">=12.4,<13", folder: nvidia/cublas/lib', '"12.4", folder: nvidia/cublas/lib'),
        *("wheel.extra.packages.nvidia-cublas-cu12.versions", "is 12.4: bounds of a version, as >=12.4,<13"),
    ),
    (
        *("cuda-12.8", '">=12.8,<13", folder: nvidia/cublas/lib', '">=12.4,<13", folder: nvidia/cublas/lib'),
        *("wheel.extra.packages.nvidia-cublas-cu12.versions", "linked with CUDA 12.8 takes >=12.8,<13"),
    ),
    ("rocm-6.4", "alias: rocm", "alias: cuda", "alias", "cuda is taken by the row cuda-12.8"),
    ("rocm-6.4", "alias: rocm", "alias: vulkan", "alias", "vulkan is taken by the row vulkan"),
    ("cpu-generic", "alias: cpu", "alias: latest", "alias", "latest is taken"),
    (
        "vulkan",
        "        digest: null",
        "        digest: sha256:12",
        "bases.sdk.digest",
        "and 64 hexadecimal digits, or null",
    ),
    ("cuda-12.8", "name: nvidia/cuda:12.8.1-devel-ubuntu22.04", "name: nvidia/cuda", "bases.sdk.name", "and a tag"),
    (
        "vulkan",
        '        glibc: "2.41"\n        gcc: 14',
        '        glibc: "2.43"\n        gcc: 14',
        "bases.sdk.glibc",
        "2.43, newer",
    ),
    (
        "rocm-6.4",
        '          suite: sid\n          packages: [libhipblas2]\n          glibc: "2.43"',
        '          suite: sid\n          packages: [libhipblas2]\n          glibc: "2.41"',
        "bases.sdk.stand_in.glibc",
        "newer",
    ),
    ("vulkan", "        gcc: 14\n", "", "bases.sdk.gcc", "is missing"),
    ("cuda-12.8", "stand_in: {none:", "stand_in: {suite: sid, none:", "bases.sdk.stand_in", "has a recipe, and none"),
    (
        "cuda-12.8",
        "stand_in: {none: Debian's newest CUDA is 12.4}",
        "stand_in: {}",
        "bases.sdk.stand_in",
        "suite and glibc",
    ),
    (
        "cuda-12.4",
        "stand_in: {suite: trixie,",
        "stand_in: {libraries: [], suite: trixie,",
        "bases.runtime.stand_in",
        "sdk's",
    ),
    ("vulkan", "module: [libvulkan.so.1]", "module: [libvk.so.1]", "needed.module", "libvk.so.1 comes from nowhere"),
    (
        "vulkan",
        "{libvulkan.so.1: ",
        "{libother.so.1: x, libvulkan.so.1: ",
        "needed.provided.libother.so.1",
        "not link to it",
    ),
    ("vulkan", "    needed:", "    library_data: [x]\n    needed:", "library_data", "no libraries that it belongs to"),
    ("vulkan", "devices: [/dev/dri]", "devices: [dri]", "container.devices", "dri is no path under /dev"),
    ("vulkan", "      devices: [/dev/dri]\n", "", "container.groups", "no devices that they own"),
    ("cuda-12.4", "      reserve: nvidia\n", "", "container.reserve", "has to be nvidia in the CUDA rows"),
    ("rocm-6.3", "[/dev/kfd, /dev/dri]", "[/dev/dri]", "container.devices", "has to have /dev/kfd"),
    ("cpu-generic", "ci: {", "ci: {gpu_runner: [x], ", "ci.gpu_runner", "a CPU row needs none"),
    ("rocm-6.3", "timeout_minutes: 240", "timeout_minutes: 0", "ci.timeout_minutes", "a number above 0"),
]


MISTAKES = [Mistake(*mistake) for mistake in (*WRONG_SHAPE, *ILLEGAL)]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{mistake.key}-{n}" for n, mistake in enumerate(MISTAKES)])
def test_a_mistake_in_a_row_is_named(refusal, mistake):
    message, text = refusal(mistake.row, mistake.old, mistake.new)
    start = rf"matrix\.yaml:(\d+): row {re.escape(mistake.row)}: (there is no key )?{re.escape(mistake.key)}(?!\w)"
    found = [re.match(start, line) for line in message.splitlines() if mistake.said in line]
    assert any(found), message
    number = next(int(match[1]) for match in found if match)
    assert section(text, number) in (mistake.row, "defaults")


def section(text, number):
    """Return the row that a line is in, or the file's key."""
    keys = [line for line in text.splitlines()[:number] if re.match(r"\w+:", line)]
    rows = [line for line in text.splitlines()[:number] if re.match(r"  [\w.-]+:$", line)]
    return (rows if keys[-1] == "rows:" else keys)[-1].strip(" :")


def test_the_line_is_the_one_to_mend(refusal):
    message, text = refusal("rocm-6.4", "gfx1201]", "gfx1202]")
    number = int(message.split(":")[1])
    assert "gfx1202" in text.splitlines()[number - 1]


def test_a_mistake_in_the_defaults_is_found_where_it_stands(refusal):
    message, text = refusal("", "    timeout_minutes: 60\n", "    timeout_minutes: -1\n")
    for line in message.splitlines():
        assert "timeout_minutes: -1" in text.splitlines()[int(line.split(":")[1]) - 1]
    assert "row cpu-generic: ci.timeout_minutes: is -1" in message


def test_all_broken_rules_are_told_at_once(refusal):
    message, _ = refusal("", '      glibc: "2.31"\n', '      glibc: "2.37"\n')
    assert {line.split(": ")[1] for line in message.splitlines()} == {
        "row cpu-generic",
        "row cpu-native",
        "row cuda-12.4",
        "row cuda-12.8",
        "row rocm-6.3",
        "row rocm-6.4",
        "row vulkan",
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: 1", "schema: 2", "schema is 2: it has to be one of 1"),
        ("latest: cpu-generic", "latest: cpu", "latest: is cpu: one of cpu-generic, cpu-native, "),
        ("site: null", "site: http://a.example", "site: is http://a.example: https://HOST/PATH/, with the slash"),
        ("planned:\n", "planned:\n  vulkan: later\n", "planned.vulkan: is a row already"),
        ('{"61": "580"', '{"62": "580"', "gpus.last_drivers.62: gpus.cuda does not say which GPUs it is"),
        ('{"61": "580"', '{"61": "580.1"', "gpus.last_drivers.61: is 580.1: three digits, as 580"),
        ("name: xllamacpp\n", "nmae: xllamacpp\n", "there is no key nmae. Did you mean name?"),
        ("\nrows:\n", "\nrow:\n", "rows is missing, or no mapping"),
        ("    alias: rocm\n", "    alias: rocm\n    alias: rocm\n", 'found duplicate key "alias"'),
        ("schema: 1", "schema: [1", "matrix.yaml:"),
        ("\n  vulkan:\n", "\n  Vulkan 1.2:\n", "row Vulkan 1.2: name: small letters"),
    ],
    ids=["schema", "latest", "site", "planned", "dropped", "branch", "key", "rows", "twice", "yaml", "name"],
)
def test_a_mistake_outside_of_the_rows_is_named(refusal, old, new, said):
    message, _ = refusal("", old, new)
    assert re.match(r"matrix\.yaml:\d+: ", message), message
    assert said in message


@pytest.mark.parametrize(("text", "said"), [(None, "is not in"), ("", "holds no keys"), ("[1]", "holds no keys")])
def test_a_file_that_is_not_there_or_empty_is_said_to_be(tmp_path, text, said):
    if text is not None:
        (tmp_path / matrix.FILE).write_text(text)
    with pytest.raises(matrix.MatrixError, match=f"matrix.yaml.* {said}"):
        matrix.load(tmp_path)
