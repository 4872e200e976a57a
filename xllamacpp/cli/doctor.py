"""``xllamacpp doctor``: whether this build can do its work on this machine, and what is in the way."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

import click

from xllamacpp.cli import probes
from xllamacpp.cli.examination import Probe, examine, examine_apart
from xllamacpp.cli.probes import Observation
from xllamacpp.cli.selection import look_at_selection
from xllamacpp.select.command import let_any_text_through

_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}

_SECTIONS: dict[str, Probe] = {
    "Build": probes.look_at_build,
    "Selection": look_at_selection,
    "Python": probes.look_at_python,
    "CPU": probes.look_at_cpu,
    "GPU": probes.look_at_gpu,
    "Container": probes.look_at_container,
    "Models": probes.look_at_models,
}
# Those that load the GPUs' modules, and so ask their drivers.
_APART = {"CPU", "GPU"}


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
    let_any_text_through(sys.stdout)
    counts: Counter[str] = Counter()
    shown = {}
    for name, observations in _examine(model):
        counts.update(seen.mark for seen in observations)
        shown[name.lower()] = [asdict(seen) for seen in observations]
        if not as_json:
            # At once: the next one may take long.
            click.echo(f"{name}\n{''.join(map(show, observations))}")
    if as_json:
        click.echo(json.dumps({"is_usable": not counts["problem"], "sections": shown}, indent=2))
    else:
        click.echo(f"{'Not usable' if counts['problem'] else 'Usable'}: {_count(counts)}.")
    if counts["problem"]:
        ctx.exit(1)


def _examine(model: str | None) -> Iterator[tuple[str, list[Observation]]]:
    devices_answer = True
    for name, probe in _SECTIONS.items():
        observations = examine_apart(probe) if name in _APART else examine(probe)
        devices_answer &= all(seen.name != "devices" for seen in observations)
        yield name, observations
    if model is not None and devices_answer:
        yield "Model", examine(partial(probes.try_model, model))
    elif model is not None:
        yield "Model", [Observation("load", "not tried: the devices do not answer", "problem")]


def show(seen: Observation) -> str:
    """Return what a person reads of an observation."""
    mark = click.style(f"{seen.mark:8}", fg=_COLORS[seen.mark])
    remedy = "".join(f"\n{'':29}-> {step}" for step in seen.remedy.splitlines())
    return f"  {mark}  {seen.name:16} {seen.text}{remedy}\n"


def _count(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[mark]} {mark if counts[mark] == 1 else f'{mark}s'}" for mark in ("problem", "warning"))
