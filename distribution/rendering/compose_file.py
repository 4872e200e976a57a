"""compose.yaml: one service for each row, started by its profile."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from matrix import Matrix, Row
from rendering.facts import Facts

PATH = "compose.yaml"

# The numbers on Debian and Ubuntu, where many machines have others: the file says how to give yours.
_GROUP_IDS = {"render": 109, "video": 44}

_HEAD = """\
# Made by distribution/rendering/compose_file.py from matrix.yaml: do not edit. `nox -s matrix -- render` makes it.
#
# Docker Engine 25 and Compose 2.24.4, or newer. An image that is missing is built, which takes a while: with
# XLLAMACPP_IMAGE it is pulled from a registry of yours.
#
#   docker compose --profile cpu up --wait          the demo model on the CPU, at http://127.0.0.1:8080
#   MODEL=org/repo docker compose --profile cuda up --wait
#
# Profiles: {profiles}.
# Variables, from the environment or a file .env beside this one:
#   MODEL          what `xllamacpp serve --model` takes: demo, org/repo[:quant], hf://…, https://…, /models/file.gguf
#   PORT           8080     where the server listens on this machine, for programs on this machine alone
#   MEMORY_LIMIT   16g      how much memory it may take; model files that are mapped count while they are in use
#   CPU_LIMIT      0        how many CPUs it may use; 0: all
#   USER_ID        10001    the user it runs as, in group 0
#   RENDER_GID, VIDEO_GID   the groups that own /dev/dri and /dev/kfd: `getent group render | cut -d: -f3`
#   XLLAMACPP_IMAGE         xllamacpp: the images' name, where yours come from a registry
# LLAMA_ARG_* variables of the server's go into a file server.env beside this one; LLAMA_API_KEY and HF_TOKEN are
# also taken from the environment.

name: xllamacpp

x-server: &server
  restart: unless-stopped
  platform: linux/amd64
  user: "${{USER_ID:-10001}}:0"
  read_only: true
  tmpfs: [/tmp]
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  mem_limit: ${{MEMORY_LIMIT:-16g}}
  cpus: ${{CPU_LIMIT:-0}}
  # Streams that are running may end first.
  stop_grace_period: 30s
  ports: ["127.0.0.1:${{PORT:-8080}}:8080"]
  # Other services find the server under this name, whichever row it is.
  networks: {{default: {{aliases: [server]}}}}
  volumes: ["models:/models"]
  env_file: [{{path: server.env, required: false}}]
  environment:
    MODEL: ${{MODEL:-demo}}
    LLAMA_API_KEY:
    HF_TOKEN:

services:
"""

_TAIL = """
volumes:
  models:
"""


def render(facts: Facts) -> str:
    """Return the text of compose.yaml."""
    profiles = ", ".join(" or ".join(_profiles(row)) for row in facts.matrix.rows.values())
    services = (_service(facts, row) for row in facts.matrix.rows.values())
    return _HEAD.format(profiles=profiles) + "\n".join(services) + _TAIL


def _profiles(row: Row) -> list[str]:
    return [row.name, *([row.alias] if row.alias else [])]


def _service(facts: Facts, row: Row) -> str:
    service: dict[str, Any] = {
        "image": _image(facts.matrix, row),
        "profiles": _profiles(row),
        "build": {
            "context": ".",
            "dockerfile": row.dockerfile_path,
            "target": "runtime",
            "args": {
                **row.build_args(),
                "VERSION": facts.version,
                "REVISION": "${REVISION:-unknown}",
                "CREATED": "${CREATED:-unknown}",
            },
        },
    }
    if not row.image.published:
        service["pull_policy"] = "build"
    if row.container.reserve:
        device = {"driver": row.container.reserve, "count": "all", "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    if row.container.devices:
        service["devices"] = list(row.container.devices)
    if row.container.groups:
        service["group_add"] = [f"${{{name.upper()}_GID:-{_GROUP_IDS[name]}}}" for name in row.container.groups]
    return f"  # {row.title}: {row.hardware}\n  {row.name}:\n    <<: *server\n{textwrap.indent(_yaml(service), '    ')}"


def _image(matrix: Matrix, row: Row) -> str:
    return f"${{XLLAMACPP_IMAGE:-{matrix.name}}}:{row.name}"


def _yaml(value: Mapping[str, Any]) -> str:
    writer = YAML()
    writer.width = 10_000
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    writer.dump(value, stream)
    return stream.getvalue()
