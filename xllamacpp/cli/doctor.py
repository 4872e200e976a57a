"""``xllamacpp doctor``: whether this build can do its work on this machine, and what is in the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial

import click

from xllamacpp.cli import probes
from xllamacpp.cli.probes import Observation
from xllamacpp.cli.selection import look_at_selection
from xllamacpp.errors import Error

_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}

_SECTIONS: dict[str, Callable[[], Iterable[Observation]]] = {
    "Build": probes.look_at_build,
    "Selection": look_at_selection,
    "Python": probes.look_at_python,
    "CPU": probes.look_at_cpu,
    "GPU": probes.look_at_gpu,
    "Container": probes.look_at_container,
    "Models": probes.look_at_models,
}


@click.command("doctor", short_help="Tell what is wrong, and what helps.")
@click.option("-m", "--model", help="Load this model too, and let it write a few tokens.")
@click.option("--json", "as_json", is_flag=True, help="Print it all as one JSON object.")
@click.pass_context
def command(ctx: click.Context, model: str | None, as_json: bool) -> None:
    """Look at the build, the system, CPU, GPU, container and models; tell what is wrong and what helps.

    It also tells which build is for this machine; 'xllamacpp select' says why. The exit status is 1 where something is
    in the way of everything, such as a GPU that XLLAMACPP_REQUIRE_GPU=1 asks for and that cannot be used. It shows no
    secret: whether there is a token, not which.

    \b
    Examples:
      xllamacpp doctor
      xllamacpp doctor --model demo
      xllamacpp doctor --json
    """
    sections = dict(_SECTIONS)
    if model is not None:
        sections["Model"] = partial(probes.try_model, model)
    report = {name: examine(probe) for name, probe in sections.items()}
    counts: Counter[str] = Counter(seen.mark for observations in report.values() for seen in observations)
    if as_json:
        shown = {name.lower(): [asdict(seen) for seen in observations] for name, observations in report.items()}
        click.echo(json.dumps({"is_usable": not counts["problem"], "sections": shown}, indent=2))
    else:
        for name, observations in report.items():
            click.echo(f"{name}\n{''.join(map(_line, observations))}")
        click.echo(f"{'Not usable' if counts['problem'] else 'Usable'}: {_count(counts)}.")
    if counts["problem"]:
        ctx.exit(1)


def examine(probe: Callable[[], Iterable[Observation]]) -> list[Observation]:
    """Return what a probe observes; that it fails is an observation too."""
    observations = []
    try:
        # One by one: what came before a failure counts.
        for observation in probe():
            observations.append(observation)
    except Error as error:
        observations.append(Observation("error", str(error), "problem"))
    except Exception as error:
        text = f"cannot be looked at ({type(error).__name__}: {error})"
        observations.append(Observation("error", text, "warning"))
    return observations


def _line(seen: Observation) -> str:
    mark = click.style(f"{seen.mark:8}", fg=_COLORS[seen.mark])
    remedy = f"\n{'':29}-> {seen.remedy}" if seen.remedy else ""
    return f"  {mark}  {seen.name:16} {seen.text}{remedy}\n"


def _count(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[mark]} {mark if counts[mark] == 1 else f'{mark}s'}" for mark in ("problem", "warning"))
