"""``nox -s index``: what is done with the wheel index, as commands."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import command_line
import matrix
from index import ledger_changes, ledger_file, variant_wheel, wheel_file
from index import site as index_site
from index.continuation import broken
from index.ledger import Ledger
from index.variants import LABEL, variant_of
from matrix import Matrix

_PROGRAM = "nox -s index --"
_PATH = click.Path(path_type=Path)


class _Ledger:
    """The ledger that a command is about, and the matrix that it is checked with."""

    def __init__(self, path: Path, rows: Matrix, local_urls: bool) -> None:
        self.path, self.matrix, self.local_urls = path, rows, local_urls

    def read(self) -> Ledger:
        return ledger_file.load(self.path, self.matrix, local_urls=self.local_urls)

    def change(self, how: Callable[[Ledger], Ledger], *, begin: bool = False) -> bool:
        """Change the file; where there is none, begin with an empty one if that is wanted."""
        old = Ledger() if begin and not self.path.exists() else self.read()
        new = how(old)
        if new != old:
            ledger_file.save(self.path, new)
        return new != old

    def site_url(self, mirror: str | None) -> str:
        return index_site.url(self.matrix, mirror, local_urls=self.local_urls)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def index() -> None:
    """Record what is released in a ledger, and make the wheel index of it.

    \b
    nox -s index -- add --ledger ledger.json --row cpu --folder-url https://HOST/FOLDER dist/*.whl
    nox -s index -- variants --ledger ledger.json --folder-url https://HOST/FOLDER dist/*.whl
    nox -s index -- extras extras.txt
    uv pip compile --universal --only-binary :all: --format pylock.toml -o pylock.toml pyproject.toml extras.txt
    nox -s index -- depend --ledger ledger.json pylock.toml
    nox -s index -- render --ledger ledger.json --site site
    nox -s index -- yank --ledger ledger.json --reason "wrong answers; 2026.11.1 is right" 2026.11.0
    nox -s index -- compare yesterday/ledger.json ledger.json
    """


def _on_a_ledger(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which ledger it is about, and that ledger as its first argument."""

    def run(root: Path, /, path: Path, local_urls: bool, **given: Any) -> None:
        command(_Ledger(path, matrix.load(root), local_urls), **given)

    functools.update_wrapper(run, command)
    ledger = click.option("--ledger", "path", type=_PATH, required=True, help="The ledger, a JSON file.")
    local_urls = click.option("--local-urls", is_flag=True, help="Take file:// and http://127.0.0.1 too, for a test.")
    return ledger(local_urls(click.pass_obj(run)))


@index.command()
@click.argument("wheels", nargs=-1, required=True, type=_PATH)
@click.option("--row", required=True, help="The row of matrix.yaml that they are of.")
@click.option("--folder-url", required=True, help="Where they lie: their URL without their names.")
@click.option("--upload-time", help="When they were released, as 2026-11-26T10:00:00Z.  [default: now]")
@click.option("--provenance", help="The URL of the statement of how they were built.")
@_on_a_ledger
def add(ledger: _Ledger, wheels: tuple[Path, ...], upload_time: str | None, **given: Any) -> None:
    """Record wheels, and write the .metadata file of each beside it, to be released with it."""
    time = upload_time or ledger_changes.now()
    read = [wheel_file.read(path) for path in wheels]

    def all_of_them(found: Ledger) -> Ledger:
        for wheel in read:
            found = ledger_changes.add(
                found, ledger.matrix, wheel, upload_time=time, local_urls=ledger.local_urls, **given
            )
        # Before the ledger names their hashes: a run that is stopped leaves a file too many, and no name without one.
        for wheel in read:
            wheel.write_metadata()
        return found

    changed = ledger.change(all_of_them, begin=True)
    click.echo(f"{len(read)} {'recorded' if changed else 'there already'}; release each wheel with its .metadata file")


@index.command()
@click.argument("wheels", nargs=-1, required=True, type=_PATH)
@click.option("--folder-url", required=True, help="Where the copies lie: their URL without their names.")
@click.option("--upload-time", help="When they were released, as 2026-11-26T10:00:00Z.  [default: now]")
@_on_a_ledger
def variants(ledger: _Ledger, wheels: tuple[Path, ...], folder_url: str, upload_time: str | None) -> None:
    """Write copies of recorded wheels as variants of their version, and record those (experimental).

    The copies go to a folder variants/ beside the wheels, each with its .metadata file, to be released with it.
    """
    time = upload_time or ledger_changes.now()
    copies: list[wheel_file.WheelFile] = []

    def all_of_them(found: Ledger) -> Ledger:
        originals = [ledger_changes.released(found, wheel_file.read(path)) for path in wheels]
        chosen = [variant_of(ledger.matrix.row(original.row)) for original in originals]
        for path, original, variant in zip(wheels, originals, chosen, strict=True):
            copy = wheel_file.read(variant_wheel.derive(path, variant, path.parent / LABEL), variant.name)
            found = ledger_changes.add_variant(
                found, ledger.matrix, original, copy, variant, folder_url, time, local_urls=ledger.local_urls
            )
            copies.append(copy)
        for copy in copies:
            copy.write_metadata()
        return found

    changed = ledger.change(all_of_them)
    names = "\n".join(copy.path.name for copy in copies)
    click.echo(f"{names}\n{'recorded' if changed else 'there already'}; release each with its .metadata file")


@index.command()
@click.argument("file", type=_PATH)
@click.pass_obj
def extras(root: Path, file: Path) -> None:
    """Write what the wheels' extras ask for as a requirements file, to be locked with pyproject.toml."""
    lines = ledger_changes.extra_requirements(matrix.load(root))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@index.command()
@click.argument("lock", type=_PATH)
@_on_a_ledger
def depend(ledger: _Ledger, lock: Path) -> None:
    """Record what the wheels depend on, from a lock file (pylock.toml): --index-url alone finds it then."""
    changed = ledger.change(
        lambda found: ledger_changes.depend(found, ledger.matrix, lock, local_urls=ledger.local_urls)
    )
    click.echo("recorded" if changed else "there already")


@index.command()
@click.argument("name")
@click.option("--reason", required=True, help="What installers tell those who take it all the same.")
@_on_a_ledger
def yank(ledger: _Ledger, name: str, reason: str) -> None:
    """Have installers pass over a file, or a version's files.

    2026.11.0 is a version's files of all rows, 2026.11.0+cu124 those of one, click==8.5.1 those of another project.
    """
    _yank(ledger, name, reason)


@index.command()
@click.argument("name")
@_on_a_ledger
def unyank(ledger: _Ledger, name: str) -> None:
    """Take back a yank."""
    _yank(ledger, name, None)


def _yank(ledger: _Ledger, name: str, reason: str | None) -> None:
    ledger.change(lambda found: ledger_changes.yank(found, ledger.matrix, name, reason, local_urls=ledger.local_urls))


@index.command()
@click.argument("old", type=_PATH)
@click.argument("new", type=_PATH)
@click.pass_obj
def compare(root: Path, old: Path, new: Path) -> None:
    """End with 1 where the ledger NEW is not the ledger OLD continued; say where."""
    before, after = (ledger_file.load(path, matrix.load(root), local_urls=True) for path in (old, new))
    if lines := list(broken(before, after)):
        raise click.ClickException("\n".join([*lines, f"{new} is not {old} continued: begin with {old}"]))
    click.echo(f"{new} is {old} continued")


def _site_options(command: Callable[..., None]) -> Callable[..., None]:
    where = "Where a mirror of the site will be, for the lines that people copy.  [default: site in matrix.yaml]"
    command = click.option("--base-url", help=where)(command)
    return click.option("--site", type=_PATH, required=True, help="The root of the site.")(command)


@index.command()
@_site_options
@_on_a_ledger
def render(ledger: _Ledger, site: Path, base_url: str | None) -> None:
    """Write the site's folder whl/ anew; the old one stays until the new one is whole."""
    found = ledger.read()
    texts = index_site.tree(found, ledger.matrix, ledger.site_url(base_url))
    index_site.write(site, texts, found, ledger.matrix)
    click.echo(f"{site / index_site.FOLDER}: {len(texts)} files")


@index.command()
@_site_options
@_on_a_ledger
def check(ledger: _Ledger, site: Path, base_url: str | None) -> None:
    """Compare the site with what it should be; show what differs, and end with 1."""
    texts = index_site.tree(ledger.read(), ledger.matrix, ledger.site_url(base_url))
    if differences := index_site.check(site, texts):
        click.echo("\n".join(difference.diff for difference in differences), nl=False)
        names = ", ".join(difference.path for difference in differences)
        raise click.ClickException(f"not as the ledger makes them: {names}. To write them: {_PROGRAM} ... render")
    click.echo("everything is as the ledger makes it")


def main(arguments: list[str], root: Path) -> int:
    """Run a command on a checkout; return the exit status."""
    return command_line.run(index, arguments, _PROGRAM, obj=root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[2]))
