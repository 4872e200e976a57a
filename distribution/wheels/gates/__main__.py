"""The command: holds a wheel against its row, prints a table, and fails where a gate finds something."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from engines import available
from engines.errors import EngineError
from matrix import MatrixError
from wheels.gates import archive, audits, device_code, libraries, naming, parts
from wheels.gates.clean_roots import CleanRoots, python_versions
from wheels.gates.gate import Gate, Target, run, table, write_report
from wheels.gates.reproducible import Reproducible
from wheels.gates.wheel_file import WheelFile, WheelFileError

ROOT = Path(__file__).resolve().parents[3]
GATES: tuple[Gate, ...] = (
    *naming.GATES,
    *archive.GATES,
    *libraries.GATES,
    *device_code.GATES,
    *audits.GATES,
    *parts.GATES,
)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("row")
@click.argument("wheel", type=FILE)
@click.option("--against", type=FILE, help="Another build of the same wheel: the two have to be the same bytes.")
@click.option("--json", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report here.")
@click.option("--roots/--no-roots", default=False, help="Try the wheel in clean Debians, in a Docker engine.")
@click.option("--model", type=FILE, help="The model that the clean Debians generate with.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with a Python that the clean Debians lack, as `uv python install` makes it; as often as you like.",
)
def main(
    row: str,
    wheel: Path,
    against: Path | None,
    report: Path | None,
    roots: bool,
    model: Path | None,
    pythons: tuple[Path, ...],
) -> None:
    """Hold WHEEL against all that the published wheel of ROW has to be."""
    with contextlib.ExitStack() as cleanup:
        try:
            target = Target.of(ROOT, row)
            file = cleanup.enter_context(WheelFile(wheel))
            gates: list[Gate] = list(GATES)
            if against:
                if against.samefile(wheel):
                    raise click.UsageError(f"--against {against} is the wheel itself: give another build of it")
                gates.append(Reproducible(cleanup.enter_context(WheelFile(against))))
            if roots:
                if not model:
                    raise click.UsageError("--roots needs --model FILE.gguf: they generate with it")
                engine = cleanup.enter_context(available.engine())
                gates.append(CleanRoots(engine, model, pythons_in(pythons, python_versions(target))))
            verdicts = run(gates, file, target)
        except (MatrixError, EngineError, WheelFileError) as error:
            raise click.ClickException(str(error)) from None
        print(f"{wheel.name} for {target.row.name}, {file.size / 1e6:.1f} MB, sha256 {file.sha256}")
        print(table(verdicts))
        if report:
            write_report(report, file, target, verdicts)
    failed = [verdict.gate for verdict in verdicts if verdict.failed]
    if failed:
        print(f"{len(failed)} of {len(verdicts)} gates failed: not to be published")
        sys.exit(1)


def pythons_in(folders: tuple[Path, ...], versions: list[str]) -> dict[str, Path]:
    """Return the Pythons in some folders by version.

    Raises
    ------
    UsageError
        A folder holds none of the versions.
    """
    found = {}
    for folder in folders:
        here = [version for version in versions if (folder / "bin" / f"python{version}").exists()]
        if not here:
            raise click.UsageError(f"{folder} holds no bin/python3.N of {', '.join(versions)}")
        found[here[0]] = folder
    return found


if __name__ == "__main__":
    main()
