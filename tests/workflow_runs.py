"""Runs the workflows as far as that can be done without GitHub: which jobs an event starts, with what, after what.

The steps whose outputs decide about other jobs are run for real; all others are taken to succeed, or to fail where a
test wants that.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from workflow_expressions import STATUS, evaluate, fill

CHECKOUT = Path(__file__).resolve().parents[1]
WORKFLOWS = CHECKOUT / ".github" / "workflows"

PUSHED = {"event_name": "push", "ref": "refs/heads/main", "ref_name": "main"}
PROPOSED = {"event_name": "pull_request", "ref": "refs/pull/1/merge", "ref_name": "1/merge"}
TAGGED = {"event_name": "push", "ref": "refs/tags/v2026.11.0", "ref_name": "v2026.11.0"}
CANDIDATE = {"event_name": "push", "ref": "refs/tags/v2026.11.1rc1", "ref_name": "v2026.11.1rc1"}
SCHEDULED = {"event_name": "schedule", "ref": "refs/heads/main", "ref_name": "main"}
BY_HAND = {"event_name": "workflow_dispatch", "ref": "refs/heads/main", "ref_name": "main"}


@dataclass(frozen=True)
class Job:
    """A job that runs.

    Parameters
    ----------
    path : tuple of str
        The workflow's file, and the names of the jobs down to this one: ``("release", "rows", "image")``.
    definition : dict
        What the workflow says of it.
    matrix : dict
        Which one of the job's matrix it is.
    steps : list of dict
        Its steps that run, with their templates filled in and, in their scripts, what is in ``env``.
    result : str
        ``success`` or ``failure``.
    """

    path: tuple[str, ...]
    definition: dict[str, Any]
    matrix: dict[str, Any]
    steps: list[dict[str, Any]]
    result: str

    @property
    def name(self) -> str:
        """The path as one word."""
        return "/".join(self.path)

    @property
    def scripts(self) -> str:
        """The scripts of its steps."""
        return "\n".join(step["run"] for step in self.steps if "run" in step)


@dataclass(frozen=True)
class Setting:
    """What a run is about.

    Parameters
    ----------
    github : dict
        The event.
    variables : dict, optional
        The repository's variables.
    outputs : dict, optional
        For steps whose outputs depend on more than the checkout: what they are.
    fails : callable, optional
        Whether a job, by its name and its matrix, fails.
    """

    github: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    fails: Callable[[str, dict[str, Any]], bool] = lambda name, matrix: False


def run_script(
    script: str, folder: Path, environment: Mapping[str, str], commands: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the script of a step, as GitHub does, with stand-ins for what it calls.

    Parameters
    ----------
    script : str
        The script.
    folder : Path
        Where; the file ``output`` in it gets the step's outputs.
    environment : mapping of str to str
        What the step has beside this process's environment.
    commands : mapping of str to str
        Shell scripts by the names, or the paths from the folder, of the commands that they stand in for.
    """
    for name, text in commands.items():
        place = folder / (name if "/" in name else f"bin/{name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/bash\n{text}\n")
        place.chmod(0o755)
    output = folder / "output"
    output.touch()
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    known = {**os.environ, **environment, "PATH": path, "GITHUB_OUTPUT": str(output)}
    command = ["bash", "-e", "-c", script]
    return subprocess.run(command, cwd=folder, env=known, timeout=120, capture_output=True, text=True)


@cache
def read(workflow: str) -> dict[str, Any]:
    """Return a workflow by its file's name without the end."""
    return YAML(typ="safe").load((WORKFLOWS / f"{workflow}.yml").read_text(encoding="utf-8"))


def run(
    workflow: str, setting: Setting, inputs: dict[str, Any] | None = None, above: tuple[str, ...] = ()
) -> list[Job]:
    """Return the jobs of a workflow that run."""
    definitions, found = read(workflow)["jobs"], []
    done: dict[str, dict[str, Any]] = {}
    while waiting := [name for name in definitions if name not in done]:
        name = next(name for name in waiting if not {*_needs(definitions[name])} - done.keys())
        contexts = {
            "github": {**setting.github, "repository": "Owner/xllamacpp", "server_url": "https://github.com"},
            "inputs": inputs or {},
            "vars": setting.variables,
            "needs": {need: done[need] for need in _needs(definitions[name])},
        }
        done[name] = {"result": "skipped", "outputs": {}}
        if _condition(
            definitions[name].get("if", ""), [need["result"] for need in contexts["needs"].values()], contexts
        ):
            path = (*(above or (workflow,)), name)
            jobs = list(_jobs(path, definitions[name], contexts, setting))
            found += jobs
            done[name]["result"] = "failure" if any(job.result == "failure" for job in jobs) else "success"
            if outputs := definitions[name].get("outputs"):
                (job,) = jobs
                done[name]["outputs"] = fill(outputs, {"steps": _outputs_of(job, setting)})
    return found


def _needs(definition: dict[str, Any]) -> list[str]:
    needs = definition.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _condition(text: str, results: list[str], contexts: dict[str, Any]) -> bool:
    succeeded = all(result == "success" for result in results)
    functions = {
        "success": lambda: succeeded,
        "failure": lambda: "failure" in results,
        "always": lambda: True,
        "cancelled": lambda: False,
    }
    if not STATUS.search(text):
        text = f"success() && ({text})" if text else "success()"
    return bool(evaluate(text, contexts, functions))


def _jobs(
    path: tuple[str, ...], definition: dict[str, Any], contexts: dict[str, Any], setting: Setting
) -> Iterator[Job]:
    if "uses" in definition:
        called = definition["uses"].removeprefix("./.github/workflows/").removesuffix(".yml")
        yield from run(called, setting, fill(definition.get("with", {}), contexts), path)
        return
    for matrix in _matrices(fill(definition.get("strategy", {}).get("matrix", {}), contexts)):
        known = {**contexts, "matrix": matrix, "steps": _Steps(definition["steps"])}
        result = "failure" if setting.fails("/".join(path), matrix) else "success"
        yield Job(path, definition, matrix, list(_steps(definition, known)), result)


def _matrices(matrix: dict[str, Any]) -> list[dict[str, Any]]:
    axes = {key: values for key, values in matrix.items() if key != "include"}
    if "include" in matrix:
        assert not axes
        assert matrix["include"], "a matrix without jobs is an error"
        return matrix["include"]
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _steps(definition: dict[str, Any], contexts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for step in definition["steps"]:
        if _condition(step.get("if", ""), [], contexts):
            env = fill({**definition.get("env", {}), **step.get("env", {})}, contexts)
            filled = {**fill({key: value for key, value in step.items() if key != "run"}, contexts), "env": env}
            if script := step.get("run"):
                assert "${{" not in script, "values reach a script through env alone"
                filled["run"] = re.sub(r"\$(\w+)", lambda name: str(env.get(name[1], name[0])), script)  # noqa: B023
                filled["script"] = script
            yield filled


class _Steps(dict[str, Any]):
    """The outputs of a job's own steps, by their names: what they are does not matter here."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        ids = [step["id"] for step in steps if "id" in step]
        super().__init__({name: {"outcome": "success", "outputs": _Names(name)} for name in ids})


class _Names(dict[str, str]):
    def __init__(self, step: str) -> None:
        self.step = step

    def __missing__(self, name: str) -> str:
        return f"<{self.step}.{name}>"


def _outputs_of(job: Job, setting: Setting) -> dict[str, Any]:
    writers = {step["id"]: step for step in job.steps if "GITHUB_OUTPUT" in step.get("run", "") and "id" in step}
    return {name: {"outputs": setting.outputs.get(name) or _output(step, setting)} for name, step in writers.items()}


def _output(step: dict[str, Any], setting: Setting) -> dict[str, str]:
    env = {"GITHUB_REF_NAME": setting.github["ref_name"], "GITHUB_REPOSITORY": "Owner/xllamacpp", **step["env"]}
    # No more than it reads, so that the same script runs once.
    read_by_it = {name: str(value or "") for name, value in env.items() if re.search(rf"\b{name}\b", step["script"])}
    return _run_script(step["script"], tuple(read_by_it.items()))


@cache
def _run_script(script: str, env: tuple[tuple[str, str], ...]) -> dict[str, str]:
    nox = f'exec "{sys.executable}" -m nox --noxfile "{CHECKOUT}/noxfile.py" "$@"'
    with tempfile.TemporaryDirectory() as folder:
        result = run_script(script, Path(folder), dict(env), {".venv/bin/nox": nox})
        assert result.returncode == 0, result.stderr
        return dict(line.split("=", 1) for line in Path(folder, "output").read_text().splitlines())
