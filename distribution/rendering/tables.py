"""The parts of README.md, docs/images.md and docs/wheels.md that are made from the matrix, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from index.pages import index_pages
from matrix import Row
from matrix.row import Image, Wheel
from rendering.facts import Facts

# As in compose.yaml.
_HARDENED = "--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges"
SERVING = "-p 127.0.0.1:8080:8080 -v models:/models -e MODEL=demo"
"""str: what ``docker run`` needs to serve the demo model on this machine alone."""


def support(facts: Facts) -> str:
    """Return README's table: which image is for which hardware, what the host needs, and how far it was tried."""
    rows = (
        (f"`{row.name}`", row.hardware, row.drivers, facts.runs[row.name].summary) for row in facts.matrix.rows.values()
    )
    return _table(("image", "hardware", "driver", "last tried here"), rows)


def tags(facts: Facts) -> str:
    """Return the table of tags, sizes and what is published."""
    matrix = facts.matrix
    return _table(
        ("row", "tags", "wheel", "published", "image, at most"),
        (
            (
                f"`{row.name}`",
                _code(matrix.tags(row, facts.version)),
                f"`{row.wheel_version(facts.version)}`, {row.wheel.platform}, {row.wheel.max_mb} MB at most",
                _published(row),
                f"{row.image.max_mb} MB over its base",
            )
            for row in matrix.rows.values()
        ),
    )


def wheels(facts: Facts) -> str:
    """Return the table of the index's folders."""
    return _table(
        ("folder", "other names", "hardware", "driver", "glibc"),
        (
            (f"`{page.folder}`", _code(page.aliases), page.hardware, page.drivers, page.glibc)
            for page in index_pages(facts.matrix)
        ),
    )


def commands(facts: Facts) -> str:
    """Return how to run each row with Docker alone."""
    parts = []
    for row in facts.matrix.rows.values():
        image = f"{facts.matrix.name}:{row.name}"
        lines = [f"docker run {_HARDENED}", SERVING, *([" ".join(row.run_flags)] if row.run_flags else []), image]
        command = " \\\n  ".join(lines)
        parts.append(f"**{row.title}** (`{row.name}`): {row.hardware}.\n\n```sh\n{command}\n```\n")
    return "\n".join(parts)


def gpus(facts: Facts) -> str:
    """Return which GPUs each GPU row has device code for."""
    parts = []
    for row in facts.matrix.rows.values():
        if row.architectures:
            parts.append(f"**{row.title}** (`{row.name}`)\n")
            last = facts.matrix.gpus.last_drivers if row.cuda else {}
            parts.append(
                _table(
                    ("device code", "GPUs"),
                    (
                        (f"`{key}`", f"{gpus} (NVIDIA's last driver for them: {last[key]})" if key in last else gpus)
                        for key, gpus in facts.matrix.gpus_of(row).items()
                    ),
                )
            )
    return "\n".join(parts)


def builds(facts: Facts) -> str:
    """Return what each row is built with: images, toolchain, CMake options."""
    return "\n".join(
        f"**{row.title}** (`{row.name}`)\n\n{_table(('part', 'what'), _parts(row))}"
        for row in facts.matrix.rows.values()
    )


def runs(facts: Facts) -> str:
    """Return the dated table of the last run of each row."""
    return _table(
        ("row", "date", "how far", "base images", "on", "what was done"),
        (
            (f"`{name}`", str(run.date or ""), run.reached, run.bases or "", run.machine or "", run.what)
            for name, run in facts.runs.items()
        ),
    )


def planned(facts: Facts) -> str:
    """Return the rows that are not here yet."""
    return "\n".join(f"- `{name}`: {why}" for name, why in facts.matrix.planned.items()) + "\n"


SECTIONS: dict[str, dict[str, Callable[[Facts], str]]] = {
    "README.md": {"support": support},
    "docs/images.md": {
        "support": support,
        "commands": commands,
        "tags": tags,
        "gpus": gpus,
        "builds": builds,
        "runs": runs,
        "planned": planned,
    },
    "docs/wheels.md": {"wheels": wheels},
}
"""The files with parts that are made from the matrix, and those parts by the name in their markers."""


def _published(row: Row) -> str:
    both: dict[str, Wheel | Image] = {"wheel": row.wheel, "image": row.image}
    return ", ".join(f"{key}: {'yes' if part.published else f'no, {part.why}'}" for key, part in both.items())


def _parts(row: Row) -> Iterable[tuple[str, str]]:
    bases = {
        "the core is built in": row.bases.builder,
        "for the C library of": row.bases.oldest,
        "the module in": row.bases.sdk,
        "it stands on": row.bases.runtime,
    }
    for part, base in bases.items():
        if base:
            other = base.stand_in
            stand_in = f"no stand-in ({other.none})" if other.none else f"stand-in: Debian {other.suite}"
            yield part, f"`{base.name}`, glibc {base.glibc}{f', GCC {base.gcc}' if base.gcc else ''}; {stand_in}"
    arguments = row.build_args()
    for part, key in (("CMake, core", "CORE_CMAKE_OPTIONS"), ("CMake, module", "MODULE_CMAKE_OPTIONS")):
        if arguments.get(key):
            yield part, _code(arguments[key].split())
    for part, names in (("libraries of the SDK in it", row.libraries), ("the module links to", row.needed.module)):
        if names:
            yield part, _code(names)
    if row.container.environment:
        yield "environment", _code(f"{name}={value}" for name, value in row.container.environment.items())


def _code(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
