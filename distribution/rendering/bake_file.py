"""Dockerfiles/docker-bake.json: every image as a target of ``docker buildx bake``."""

from __future__ import annotations

import json
from typing import Any

from matrix import Row
from rendering.facts import Facts

PATH = "Dockerfiles/docker-bake.json"


def render(facts: Facts) -> str:
    """Return the text of the file: run from the root of the checkout, ``docker buildx bake -f`` takes it."""
    matrix = facts.matrix
    published = [row.name for row in matrix.rows.values() if row.image.published]
    groups = {
        "default": [matrix.latest],
        "published": published,
        **{row.alias: [row.name] for row in matrix.rows.values() if row.alias},
    }
    document = {
        "//": "Made by distribution/rendering/bake_file.py from matrix.yaml: do not edit. nox -s matrix -- render",
        "variable": {
            "IMAGE": {"default": matrix.name},
            "VERSION": {"default": facts.version},
            "REVISION": {"default": "unknown"},
            "CREATED": {"default": "unknown"},
        },
        "group": {name: {"targets": [_target_name(target) for target in targets]} for name, targets in groups.items()},
        "target": {_target_name(row.name): _target(facts, row) for row in matrix.rows.values()},
    }
    return json.dumps(document, indent=2) + "\n"


def image_annotations(facts: Facts, row: Row, *, version: str, revision: str, created: str) -> dict[str, str]:
    """Return what a registry shows of a row's image: the annotations of its manifest."""
    found = {
        "title": facts.matrix.name,
        "description": f"{facts.description} ({row.title})",
        "licenses": facts.license,
        "version": version,
        "revision": revision,
        "created": created,
    }
    return {f"org.opencontainers.image.{key}": value for key, value in found.items()}


def _target_name(row_name: str) -> str:
    # A target's name has no dots.
    return row_name.replace(".", "_")


def _target(facts: Facts, row: Row) -> dict[str, Any]:
    tags = ["${VERSION}-" + row.name, *facts.matrix.rolling_tags(row)]
    variables = {name: "${" + name + "}" for name in ("VERSION", "REVISION", "CREATED")}
    annotations = image_annotations(facts, row, **{name.lower(): value for name, value in variables.items()})
    return {
        "context": ".",
        "dockerfile": row.dockerfile_path,
        "target": "runtime",
        "platforms": ["linux/amd64"],
        "tags": ["${IMAGE}:" + tag for tag in tags],
        # The manifest's: with Docker's own driver there is no index to annotate.
        "annotations": [f"manifest:{key}={value}" for key, value in annotations.items()],
        "args": {**row.build_args(), **variables},
    }
