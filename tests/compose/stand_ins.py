"""The programs that the examples put beside the server: their own images, or Debian's packages of the same release."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from compose.projects import ROOT
from engines.engine import Engine
from images import base_images
from matrix.bases import Base, StandIn


def nginx(engine: Engine) -> dict[str, Any]:
    """Return what to change in the TLS example's proxy on this machine."""
    stand_in = _stand_in(engine, "tls", "proxy", "nginx-light", "curl")
    # The image's own command is this one too. Debian's nginx has its folders elsewhere.
    return {**stand_in, "command": ["nginx", "-g", "daemon off;"], "tmpfs": ["/var/lib/nginx"]} if stand_in else {}


def prometheus(engine: Engine) -> dict[str, Any]:
    """Return what to change in the monitoring example's Prometheus on this machine."""
    stand_in = _stand_in(engine, "monitoring", "prometheus", "prometheus")
    return {**stand_in, "entrypoint": ["prometheus"]} if stand_in else {}


def _stand_in(engine: Engine, example: str, service: str, *packages: str) -> dict[str, Any]:
    """Return the image to use instead of the example's; nothing where that one can be had."""
    # Not the safe reader, which stops at compose's own tags.
    compose = YAML().load(ROOT / "docs" / "examples" / example / "compose.yaml")
    name = compose["services"][service]["image"]
    base = Base(name, digest=None, glibc="", packages=(), stand_in=StandIn(suite="sid", packages=packages))
    return {"image": base.stand_in.image} if base_images.prepare(engine, [base]) else {}
