"""A network of this process's own, with nothing in it but this machine.

The suite asks for pictures and models by the addresses they have on the internet, and binds ports of its own choice.
Here those names lead to this process, those ports are free, and nothing else can be reached.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

_INSIDE = "XLLAMACPP_SUITE_IS_INSIDE"
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")

HOSTS = ("huggingface.co", "ggml.ai", "google.com", "example.com")
"""tuple of str: names on the internet that lead to this process."""

_SET_FLAGS, _UP = 0x8914, 0x1


def enter(*command: str) -> None:
    """Start the command again in a network of its own, unless it is in one; only there does this return."""
    if os.environ.get(_INSIDE):
        _bring_up_loopback()
        _name_hosts()
        return
    if not shutil.which(_UNSHARE[0]) or subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode:
        sys.exit(
            f"`{' '.join(_UNSHARE)}` does not work here. It gives the tests a network of their own: on Linux, with "
            "util-linux, where users may have namespaces (sysctl kernel.unprivileged_userns_clone or user.max_user_"
            "namespaces, and a container needs --security-opt seccomp=unconfined)."
        )
    os.execvpe(_UNSHARE[0], [*_UNSHARE, *command], {**os.environ, _INSIDE: "1"})


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


def _name_hosts() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".hosts", delete=False) as hosts:
        hosts.write(f"127.0.0.1 localhost {' '.join(HOSTS)}\n::1 localhost\n")
    # The mount keeps what it needs of the file, and ends with this process.
    subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)
    Path(hosts.name).unlink()
