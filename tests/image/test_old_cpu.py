"""The image on a processor of 2008, by emulation: the module that suits it answers."""

from __future__ import annotations

import shutil

import pytest

from image.containers import HARDENED, run

pytestmark = pytest.mark.docker

# Statically linked: in the container there are other libraries, or none.
QEMU = shutil.which("qemu-x86_64-static")


@pytest.fixture
def emulated(client, image, row, model_volume):
    if row.cmake.core["XLLAMACPP_CPU"] == "native":
        pytest.skip("the image is for the processor that built it")
    assert QEMU, "qemu-x86_64-static is needed (Debian: apt-get install qemu-user-static)"
    volumes = {QEMU: {"bind": "/qemu", "mode": "ro"}, model_volume.name: {"bind": "/models", "mode": "ro"}}

    def start(*command):
        program = ["/qemu", "-cpu", "Nehalem", "/opt/xllamacpp/bin/python", "-m", "xllamacpp"]
        return run(client, image, list(command), entrypoint=program, volumes=volumes, network_mode="none", **HARDENED)

    return start


def test_it_takes_the_module_for_it(emulated):
    status, said = emulated("info")
    assert status == 0
    assert "cpu-sse42           loaded" in said


def test_it_answers(emulated):
    # An instruction that the processor lacks would end it with SIGILL.
    command = ("complete", "--model", "demo.gguf", "--n-ctx", "128", "-t", "1", "--temperature", "0", "-n", "3")
    status, said = emulated(*command, "Once upon a")
    assert status == 0, said
    assert "time" in said
