"""Builds the images of the rows, in the images that the matrix names or in their stand-ins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from docker.models.images import Image

import checkout
from engines.engine import Engine
from engines.errors import BuildError
from images import base_images
from matrix import Row
from rendering import facts


def build(
    engine: Engine, root: Path, row: Row, *, target: str = "runtime", architectures: Sequence[str] | None = None
) -> Image:
    """Build the image of a row, in the images that the matrix names or in their stand-ins.

    Parameters
    ----------
    engine : Engine
        The engine, which keeps the image.
    root : Path
        The checkout.
    row : Row
        The row.
    target : str, optional
        The stage. ``runtime`` gets the row's tags, another one ``<row>-<stage>``.
    architectures : sequence of str, optional
        What the GPU module gets device code for. By default all that the row names; with stand-ins, whose images are
        for tests alone, the row's sample.

    Returns
    -------
    Image
        The image.

    Raises
    ------
    MatrixError
        The row has no such architecture.
    BaseImageError
        A base image can be neither pulled nor made.
    BuildError
        The build failed, or a variable is set that the row forbids.
    """
    known = facts.load(root)
    tags = known.matrix.tags(row, known.version) if target == "runtime" else [f"{row.name}-{target}"]
    names = [f"{known.matrix.name}:{tag}" for tag in tags]
    arguments = arguments_of(engine, root, row, architectures)
    built = engine.build(root / row.dockerfile_path, context=root, target=target, tags=names, build_args=arguments)
    assert built is not None, "there is no image only where a folder is asked for"
    return built


def check(engine: Engine, root: Path, row: Row) -> Image:
    """Take a row as far as can be gone without its SDK: check its Dockerfile, and build the stages of the core.

    Parameters
    ----------
    engine, root, row
        As for :func:`build`.

    Returns
    -------
    Image
        The stage ``builder``.

    Raises
    ------
    BaseImageError
        An image that the core is built in or for can be neither pulled nor made.
    BuildError
        BuildKit warns of something in the Dockerfile, or the build failed.
    """
    bases = row.bases
    arguments = {**row.build_args(), **_labels(root)}
    if base_images.prepare(engine, [bases.builder, bases.oldest]):
        # The check wants some image in each place.
        arguments |= {name: bases.builder.stand_in.image for name in arguments if name.endswith("_IMAGE")}
        arguments["OLDEST_IMAGE"] = bases.oldest.stand_in.image
    dockerfile = root / row.dockerfile_path
    engine.check(dockerfile, context=root, build_args=arguments)
    tag = f"{facts.load(root).matrix.name}:{row.name}-builder"
    built = engine.build(dockerfile, context=root, target="builder", tags=[tag], build_args=arguments)
    assert built is not None, "there is no image only where a folder is asked for"
    return built


def export_wheel(engine: Engine, root: Path, row: Row, folder: Path) -> None:
    """Put the wheel of a row's image into a folder. Parameters and errors are those of :func:`build`."""
    arguments = arguments_of(engine, root, row)
    engine.build(root / row.dockerfile_path, context=root, target="dist", build_args=arguments, output=folder)


def arguments_of(engine: Engine, root: Path, row: Row, architectures: Sequence[str] | None = None) -> dict[str, str]:
    """Return the arguments of a row's Dockerfile. Parameters and errors are those of :func:`build`."""
    for name in row.forbid_env:
        if name in os.environ:
            raise BuildError(f"{name} is set, which the row {row.name} forbids: unset it")
    stand_ins = base_images.prepare(engine, row.bases.images)
    if architectures is None:
        architectures = row.sample if stand_ins else ()
    return {**row.build_args(stand_ins=stand_ins, architectures=architectures), **_labels(root)}


def _labels(root: Path) -> dict[str, str]:
    version = facts.load(root).version
    return {"VERSION": version, "REVISION": checkout.revision(root), "CREATED": checkout.created(root)}
