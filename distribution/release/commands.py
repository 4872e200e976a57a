"""``nox -s release``: a release, step by step, as commands."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import calver
import checkout
import command_line
from engines import available
from engines.engine import Engine
from engines.errors import EngineError
from images import builds as image_builds
from images.registry import Repository
from index import ledger_file
from matrix import Row
from release import changelog, checks
from release import images as release_images
from release import index as release_index
from release import wheels as release_wheels
from release.checks import Finding
from release.folder import ReleaseError
from release.release import Release
from rendering import made_files

ROOT = Path(__file__).resolve().parents[2]
_PATH = click.Path(path_type=Path)


class _Commands(click.Group):
    """The commands, in the order of their use; a version alone is checked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and re.match(r"v?\d", args[0]):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def release() -> None:
    """Check a release, and take it step by step to a registry and an index.

    \b
    nox -s release -- prepare 2026.11.0
    nox -s release -- 2026.11.0
    nox -s release -- wheels 2026.11.0 --row cpu-generic
    nox -s "wheel_check(cpu-generic)" -- --against WHEEL --json REPORT, as `check` has it
    nox -s release -- images 2026.11.0 --row cpu-generic --registry registry.example/xllamacpp
    nox -s release -- index 2026.11.0 --ledger build/ledger/ledger.json --lock build/pylock.toml \\
        --folder-url https://HOST/FOLDER --site build/site
    nox -s release -- notes 2026.11.0 --to build/notes.md
    nox -s release -- promote 2026.11.0 --registry registry.example/xllamacpp

    Every command goes on where it was stopped: what is done is looked at and left as it is. With --rehearsal
    stand-ins, places on this machine and an unfinished checkout will do; what it makes is refused by a release.
    """


def _of_a_release(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which release it is about, and that release as its first argument."""

    def run(version: str, rows: tuple[str, ...], folder: Path | None, rehearsal: bool, **given: Any) -> None:
        command(Release.of(ROOT, version, rows=rows, folder=folder, rehearsal=rehearsal), **given)

    functools.update_wrapper(run, command)
    options = (
        click.argument("version"),
        click.option("--row", "rows", multiple=True, help="A row; as often as you like.  [default: all published]"),
        click.option("--folder", type=_PATH, help="Where it is gathered.  [default: build/release/VERSION]"),
        click.option(
            "--rehearsal",
            is_flag=True,
            help="Nothing of it is for use, and all of it is on this machine: --folder is build/rehearsal/VERSION.",
        ),
    )
    found: Callable[..., None] = run
    for option in reversed(options):
        found = option(found)
    return found


_registry = functools.partial(click.option, "--registry", type=Repository, metavar="HOST/NAME")
_REGISTRY = _registry(required=True, help="The registry, and the images' name in it.")
_MIRROR = click.option(
    "--base-url", "mirror", help="Where a mirror of the index will be, instead of matrix.yaml's site."
)


@release.command()
@click.argument("version")
def prepare(version: str) -> None:
    """Write what a release's commit has to have.

    The version in pyproject.toml, CHANGELOG.md of the fragments in changelog.d/, and what matrix.yaml makes. Look at
    it, commit it, and bring it to main.
    """
    if problem := calver.problem(version):
        raise ReleaseError(f"the release {problem}")
    # First what may be refused.
    if changelog.fragments(ROOT) or not changelog.section(ROOT, version):
        changelog.build(ROOT, version)
    project = ROOT / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(
        re.sub(r'^version = ".*"$', f'version = "{version}"', text, count=1, flags=re.MULTILINE), encoding="utf-8"
    )
    made_files.render(ROOT)
    click.echo("\n".join(checkout.changed_files(ROOT)) or "everything is there already")
    click.echo(
        f"Look at it (git diff HEAD), commit it, and bring it to {checkout.MAIN}. Then: nox -s release -- {version}"
    )


@release.command()
@click.option("--ledger", "ledger_path", type=_PATH, help="The ledger of what was released before.")
@_registry(help="The registry that it goes to, or has gone to, and the images' name in it.")
@_MIRROR
@_of_a_release
def check(release: Release, ledger_path: Path | None, registry: Repository | None, mirror: str | None) -> None:
    """Look at everything, and say what remains.

    Nothing is changed. It ends with 1 where something is wrong.
    """
    findings = [*checks.of_the_checkout(release, mirror), *checks.of_the_folder(release)]
    if ledger_path and not ledger_path.exists():
        text = f"there is no {ledger_path}: before the first release that is right, and `index` begins one"
        findings.append(Finding("ledger", "remains", text))
    elif ledger_path:
        ledger = ledger_file.load(ledger_path, release.facts.matrix, local_urls=release.rehearsal)
        findings += checks.of_the_ledger(release, ledger)
    else:
        findings.append(Finding("ledger", "remains", "compare with what was released before: --ledger ledger.json"))
    if registry:
        findings += release_images.of_the_registry(release, registry)
    else:
        findings.append(Finding("registry", "remains", "compare with what is in the registry: --registry HOST/NAME"))
    _show([*findings, *checks.for_a_person(release)])


def _show(findings: Sequence[Finding]) -> None:
    states = [finding.state for finding in findings]
    for finding in findings:
        click.echo(f"{finding.state:<8}{finding.what:<11}{finding.text}")
    summary = f"{states.count('WRONG')} wrong, {states.count('remains')} to be done"
    if "WRONG" in states:
        raise ReleaseError(summary)
    click.echo(summary)


@release.command()
@click.option("--from", "source", type=_PATH, help="The folder that they are in.  [default: they are built]")
@click.option(
    "--seen", type=_PATH, help="The folder with a report of wheel_check for each, without which none is taken."
)
@_of_a_release
def wheels(release: Release, source: Path | None, seen: Path | None) -> None:
    """Take the wheels that pass the gates.

    Each row's wheel is built, or taken from a folder, held against the gates that look at the file, and put into the
    release's folder. None of them installs it: that is `nox -s wheel_check`, without whose report `index` refuses it.
    """
    _is_clean(release)
    for row in release.wheel_rows:
        place = source
        if place is None:
            _is_pinned(release, row)
            with available.engine() as engine:
                place = _export(engine, row)
        new = release_wheels.take(release, row, release_wheels.find(release, row, place), seen)
        click.echo(f"{row.name}: {'taken' if new else 'there already'}")
    release.folder.sum_up(release.version)


@release.command()
@_REGISTRY
@_of_a_release
def images(release: Release, registry: Repository) -> None:
    """Build and push the images.

    Each row's image is pushed as VERSION-ROW, with annotations; such a tag never moves. `docker login` is where the
    registry's credentials come from. Where the release's folder has the row's wheel, it is the image's too.
    """
    _is_clean(release)
    for row in release.image_rows:
        _is_pinned(release, row)
    with available.engine() as engine:
        for row in release.image_rows:
            image = image_builds.build(engine, ROOT, row)
            release_images.holds_the_wheel(release, row, _export(engine, row))
            new = release_images.push(release, engine, row, image, registry)
            click.echo(f"{registry.name}:{release.image_tag(row)}: {'pushed' if new else 'there already'}")
    release.folder.sum_up(release.version)


@release.command()
@click.option("--ledger", "ledger_path", type=_PATH, required=True, help="The ledger, which is begun where missing.")
@click.option("--folder-url", required=True, help="Where the folder's files will be: their URL without their names.")
@click.option("--lock", type=_PATH, required=True, help="The lock file of what the wheels depend on (pylock.toml).")
@click.option("--site", type=_PATH, required=True, help="The root of the site.")
@_MIRROR
@_of_a_release
def index(release: Release, ledger_path: Path, **given: Any) -> None:
    """Record the wheels, and render the index.

    The lock file: `nox -s index -- --help` has the lines that make it.
    """
    count = release_index.publish(release, ledger_path, **given)
    click.echo(f"{count} recorded in {ledger_path}, and the site is as it makes it")
    release.folder.sum_up(release.version)


@release.command()
@click.option("--to", "file", type=_PATH, required=True, help="The file; what is in it is lost.")
@_of_a_release
def notes(release: Release, file: Path) -> None:
    """Write what changed, of CHANGELOG.md.

    It is what the release's page says.
    """
    text = changelog.section(release.root, release.version)
    if not text:
        raise ReleaseError(f"{changelog.FILE} does not say what changed in {release.version}")
    file.write_text(f"{text}\n", encoding="utf-8")


@release.command()
@_REGISTRY
@_of_a_release
def promote(release: Release, registry: Repository) -> None:
    """Move the tags that follow releases.

    ROW, its short name and latest become the images of this release.
    """
    for row in release.image_rows:
        moved = release_images.promote(release, row, registry)
        click.echo(f"{row.name}: {', '.join(moved) or 'nothing'} moved")


def _export(engine: Engine, row: Row) -> Path:
    """Return the folder with the wheel that a row's image is made with."""
    place = ROOT / "build" / "image" / row.name
    # Of an earlier commit.
    shutil.rmtree(place, ignore_errors=True)
    image_builds.export_wheel(engine, ROOT, row, place)
    return place


def _is_clean(release: Release) -> None:
    if not release.rehearsal and (changed := checkout.changed_files(release.root)):
        raise ReleaseError(f"files are not as the commit has them, which wheels and images name: {', '.join(changed)}")


def _is_pinned(release: Release, row: Row) -> None:
    if not release.rehearsal and (loose := checks.unpinned(row)):
        raise ReleaseError(f"{row.name}: {', '.join(loose)} is not pinned by a digest: see `check`")


def main(arguments: list[str]) -> int:
    """Run a command; return the exit status."""
    return command_line.run(release, arguments, "nox -s release --", EngineError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
