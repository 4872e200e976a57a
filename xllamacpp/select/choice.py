"""Chooses the build for a machine, and says why."""

from __future__ import annotations

from dataclasses import dataclass

from .container_gpus import run_outside
from .fit import Fit, Way
from .fits import FITS
from .install_commands import docker_command, docker_needs, missing_libraries, pip_commands
from .installer import find_installer
from .machine import Machine
from .obstacles import image_obstacle, wheel_obstacle
from .rows import Row, Rows, load_rows
from .source_build import SourceBuild, build_for

_KINDS = list(FITS)


@dataclass(frozen=True)
class Offer:
    """A build to take, and how.

    Parameters
    ----------
    row : str
        The build's name.
    commands : tuple of str
        What to run, one after the other.
    reasons : tuple of str
        Why this one.
    needs : tuple of str
        What has to be done first.
    """

    row: str
    commands: tuple[str, ...]
    reasons: tuple[str, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejection:
    """A build that is not taken: by which ways of installing it, and why.

    Parameters
    ----------
    row : str
        The build's name.
    ways : tuple of "pip" or "docker"
        The ways.
    reason : str
        Why another one is taken.
    would_run : bool
        Whether it would use the hardware all the same.
    """

    row: str
    ways: tuple[Way, ...]
    reason: str
    would_run: bool


@dataclass(frozen=True)
class Choice:
    """What is for a machine.

    Parameters
    ----------
    pip, docker : Offer or None
        The best build to install, and the best to run as an image; None where there is none.
    rejected : tuple of Rejection
        The other builds.
    remedies : tuple of str
        What would have to change for a better one.
    why_no_pip, why_no_docker : str
        Why there is none; empty where there is one.
    source : SourceBuild or None
        What a checkout makes, where that is more than the wheel; None where it is not.
    """

    pip: Offer | None
    docker: Offer | None
    rejected: tuple[Rejection, ...]
    remedies: tuple[str, ...]
    why_no_pip: str = ""
    why_no_docker: str = ""
    source: SourceBuild | None = None


@dataclass(frozen=True)
class _Candidate:
    """A build in one of the ways: what it makes of the hardware, and what keeps it off the system."""

    row: Row
    fit: Fit
    obstacle: str

    @property
    def order(self) -> tuple[bool, bool, tuple[int, tuple[int, ...]]]:
        """Sorts those that can be taken as they are before those that lack something, and the CPU's last."""
        return self.row.backend == "cpu", bool(self.fit.lacking), self.merit

    @property
    def merit(self) -> tuple[int, tuple[int, ...]]:
        """Sorts the better ones before the others, once they have what they lack."""
        return _KINDS.index(self.row.backend), self.fit.rank or ()

    @property
    def is_possible(self) -> bool:
        """Whether it can be taken."""
        return self.fit.rank is not None and not self.obstacle


def choose(machine: Machine, rows: Rows | None = None) -> Choice:
    """Choose the build for a machine.

    NVIDIA's GPUs come first, then AMD's with ROCm, then what has a Vulkan driver, then the CPU. Among builds for the
    same GPUs: the one that can use most of them, with code of its own for them, whose own driver is here, the newest.

    Parameters
    ----------
    machine : Machine
        The machine.
    rows : Rows, optional
        What there is. Default: what ships.
    """
    rows = rows or load_rows()
    pip = [
        _Candidate(row, FITS[row.backend](row, machine, rows, "pip"), wheel_obstacle(row, machine)) for row in rows.rows
    ]
    docker = [
        _Candidate(row, FITS[row.backend](row, machine, rows, "docker"), image_obstacle(row, machine))
        for row in rows.rows
    ]
    best = {"pip": _best(pip), "docker": _best(docker)}
    return Choice(
        pip=_pip_offer(best["pip"], machine, rows) if best["pip"] else None,
        docker=_docker_offer(best["docker"], machine, rows) if best["docker"] else None,
        rejected=_rejections(pip, docker, best["pip"], best["docker"]),
        remedies=_remedies([*pip, *docker], best["pip"], best["docker"]),
        why_no_pip="" if best["pip"] else _obstacle(pip),
        why_no_docker="" if best["docker"] else _obstacle(docker),
        source=_source_build(pip, best["pip"], machine, rows),
    )


def _best(candidates: list[_Candidate]) -> _Candidate | None:
    return min((each for each in candidates if each.is_possible), key=lambda each: each.order, default=None)


def _obstacle(candidates: list[_Candidate]) -> str:
    """Return what is in the way of the build that would be the best."""
    published = (each for each in candidates if each.fit.rank is not None and not each.row.no_wheel)
    return min(published, key=lambda each: each.order).obstacle


def _pip_offer(best: _Candidate, machine: Machine, rows: Rows) -> Offer:
    installer = find_installer(machine, rows)
    return Offer(
        row=best.row.name,
        commands=pip_commands(best.row, rows, machine),
        reasons=(best.fit.reason, *installer.reasons),
        needs=(*installer.needs, *missing_libraries(best.row, machine)),
    )


def _docker_offer(best: _Candidate, machine: Machine, rows: Rows) -> Offer:
    outside = (run_outside(machine.container),) if machine.container else ()
    needs = (*outside, *docker_needs(best.row, rows, machine))
    return Offer(best.row.name, (docker_command(best.row, rows, machine),), (best.fit.reason,), needs)


def _source_build(pip: list[_Candidate], best: _Candidate | None, machine: Machine, rows: Rows) -> SourceBuild | None:
    # Whether there is a wheel for it or not.
    backend = min((each for each in pip if each.fit.rank is not None), key=lambda each: each.order).row.backend
    if best and _KINDS.index(best.row.backend) <= _KINDS.index(backend):
        return None
    return build_for(backend, machine, rows)


def _rejections(
    pip: list[_Candidate], docker: list[_Candidate], best_pip: _Candidate | None, best_docker: _Candidate | None
) -> tuple[Rejection, ...]:
    found: dict[tuple[str, str, bool], list[Way]] = {}
    pairs: list[tuple[Way, list[_Candidate], _Candidate | None]] = [
        ("pip", pip, best_pip),
        ("docker", docker, best_docker),
    ]
    for way, candidates, best in pairs:
        for each in candidates:
            if each is not best:
                found.setdefault((each.row.name, _why_not(each, best), each.is_possible), []).append(way)
    order = [each.row.name for each in sorted(pip, key=lambda each: _KINDS.index(each.row.backend))]
    rejections = [Rejection(row, tuple(ways), reason, would_run) for (row, reason, would_run), ways in found.items()]
    return tuple(sorted(rejections, key=lambda rejection: order.index(rejection.row)))


def _why_not(candidate: _Candidate, best: _Candidate | None) -> str:
    if candidate.fit.rank is None:
        return candidate.fit.reason
    if candidate.obstacle:
        return candidate.obstacle
    assert best
    drawback = candidate.fit.drawback if best.fit.lacking else candidate.fit.lacking or candidate.fit.drawback
    return f"it would run too; {f'{drawback}, so ' if drawback else ''}{best.row.name} comes first"


def _remedies(
    candidates: list[_Candidate], best_pip: _Candidate | None, best_docker: _Candidate | None
) -> tuple[str, ...]:
    if not best_pip and not best_docker:
        return ()
    merit = max(best.merit for best in (best_pip, best_docker) if best)
    # The first of a kind is enough: what it asks for brings the others of its kind too.
    by_kind: dict[str, str] = {}
    for each in sorted(candidates, key=lambda each: _KINDS.index(each.row.backend)):
        if each.fit.remedy and each.merit < merit:
            by_kind.setdefault(each.row.backend, each.fit.remedy)
    return tuple(by_kind.values())
