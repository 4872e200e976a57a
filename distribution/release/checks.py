"""What has to be true for a release, and what remains to be done for it: looked at, and nothing changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from packaging.version import Version

import checkout
from index import site
from index.ledger import Ledger, LedgerError
from matrix import Row
from release import changelog, reports
from release.folder import ReleasedImage, ReleasedWheel, ReleaseError
from release.release import Release
from rendering import image_runs, made_files

State = Literal["ok", "remains", "WRONG"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what : str
        What it is about, in a word.
    state : str
        ``ok``; ``remains``: it is to be done yet; ``WRONG``: no release can be made with it.
    text : str
        What was found, and what to do.
    """

    what: str
    state: State
    text: str


def of_the_checkout(release: Release, mirror: str | None = None) -> Iterator[Finding]:
    """Yield what there is to say of the commit; for a rehearsal nothing of it is wrong.

    Parameters
    ----------
    release : Release
        The release.
    mirror : str, optional
        A URL for the index instead of matrix.yaml's.
    """
    wrong: State = "remains" if release.rehearsal else "WRONG"
    yield Finding("version", "ok", f"{release.version}, and pyproject.toml says so")
    if changed := checkout.changed_files(release.root):
        yield Finding("commit", wrong, f"files are not as it has them: {_some(changed)}")
    elif not checkout.is_on_main(release.root):
        yield Finding("commit", wrong, f"it is not on the branch {checkout.MAIN}, which releases are made of")
    else:
        yield Finding(
            "commit", "ok", f"{checkout.revision(release.root)}, on {checkout.MAIN}, and nothing else is here"
        )
    if left := changelog.fragments(release.root):
        names = _some([f"{changelog.FRAGMENTS}/{name}" for name in left])
        how = f"nox -s release -- prepare {release.version}"
        yield Finding("changelog", wrong, f"{changelog.FILE} does not have what is in {names}: {how}")
    elif not changelog.section(release.root, release.version):
        yield Finding("changelog", wrong, f"{changelog.FILE} does not say what changed in {release.version}")
    else:
        yield Finding("changelog", "ok", f"{changelog.FILE} has {release.version}")
    if different := made_files.check(release.root):
        names = ", ".join(difference.path for difference in different)
        yield Finding("matrix", wrong, f"not as matrix.yaml makes them: {names} (nox -s matrix -- render)")
    else:
        yield Finding("matrix", "ok", "everything is as matrix.yaml makes it")
    loose: dict[str, list[str]] = defaultdict(list)
    for row in release.rows:
        for base in unpinned(row):
            loose[base].append(row.name)
    for base, rows in loose.items():
        how = f"matrix.yaml is to have its digest (docker buildx imagetools inspect {base})"
        yield Finding("bases", wrong, f"{base} is not pinned, of {', '.join(rows)}: {how}")
    if not loose:
        yield Finding("bases", "ok", "every base image is pinned by its digest")
    try:
        yield Finding("site", "ok", site.url(release.facts.matrix, mirror, local_urls=release.rehearsal))
    except LedgerError as error:
        yield Finding("site", wrong, str(error))
    yield from _tag(release)


def _tag(release: Release) -> Iterator[Finding]:
    if checkout.is_tagged(release.root, release.tag):
        yield Finding("tag", "ok", f"{release.tag} is on this commit")
    elif checkout.has_tag(release.root, release.tag):
        text = f"{release.tag} is on another commit: a version is released once, so take the next one"
        yield Finding("tag", "remains" if release.rehearsal else "WRONG", text)
    else:
        yield Finding(
            "tag", "remains", f"git tag --sign {release.tag} -m {release.tag} && git push origin {release.tag}"
        )


def unpinned(row: Row) -> list[str]:
    """Return the base images of a row whose digest nothing says."""
    return list(dict.fromkeys(base.name for base in row.bases.images if not base.digest))


def of_the_ledger(release: Release, ledger: Ledger) -> Iterator[Finding]:
    """Yield what there is to say of the version in what was released before."""
    versions = {Version(record.version.public) for record in ledger.files}
    version = Version(release.version)
    if newer := sorted(found for found in versions if found > version):
        yield Finding("ledger", "WRONG", f"it has {newer[-1]} already, which is newer: take a higher version")
    elif version not in versions:
        yield Finding("ledger", "ok", f"{release.version} is newer than all that it has")
    for row in release.wheel_rows:
        recorded = {record.file: record for record in ledger.files if record.row == row.name}
        wheel = release.folder.wheel(row.name)
        if wheel and wheel.file in recorded and recorded[wheel.file].sha256 != wheel.sha256:
            yield Finding("ledger", "WRONG", f"{wheel.file} is released as another file: take the next version")
        elif wheel and wheel.file in recorded:
            yield Finding("ledger", "ok", f"it has {wheel.file}")
        else:
            yield Finding("ledger", "remains", f"{row.name}: `index` records its wheel")


def of_the_folder(release: Release) -> Iterator[Finding]:
    """Yield which wheels and images are done, and whether all of them are of this commit."""
    for row in release.wheel_rows:
        yield from _part(release, "wheel", row)
    for row in release.image_rows:
        yield from _part(release, "image", row)


def _part(release: Release, kind: Literal["wheel", "image"], row: Row) -> Iterator[Finding]:
    found: ReleasedWheel | ReleasedImage | None
    try:
        found = release.wheel(row) if kind == "wheel" else release.image(row)
    except ReleaseError as error:
        yield Finding(kind, "WRONG", str(error))
        return
    if found is None:
        where = " --registry HOST/NAME" if kind == "image" else ""
        how = f"nox -s release -- {kind}s {release.version} --row {row.name}{where}"
        yield Finding(kind, "remains", f"{row.name}: {how}")
    elif isinstance(found, ReleasedWheel):
        yield Finding(kind, "ok", f"{found.file}, sha256 {found.sha256}")
        yield _gates(release, found)
    else:
        yield Finding(kind, "ok", f"{found.repository}:{found.tag}, {found.digest}")


def _gates(release: Release, wheel: ReleasedWheel) -> Finding:
    try:
        left = reports.lacking(release.folder.path, wheel)
    except ReleaseError as error:
        return Finding("gates", "WRONG", str(error))
    if left:
        how = f"on a machine that did not build it: {reports.how(release.folder.path, wheel)}"
        return Finding("gates", "remains", f"{wheel.row}: not held against {' and '.join(left)} yet: {how}")
    return Finding("gates", "ok", f"{wheel.file} has passed all of them")


def for_a_person(release: Release) -> Iterator[Finding]:
    """Yield what nothing here can do."""
    for row in release.rows:
        run = release.facts.runs[row.name]
        if row.is_gpu and run.reached != "ran on a GPU":
            how = f'nox -s "gpu_test({row.name})", and note it in {image_runs.FILE}'
            yield Finding("GPU", "remains", f"{row.name} has not run on one: {how}")
    yield Finding("files", "remains", f"publish what is in {release.folder.path}, where `index` said that it would be")
    yield Finding("pages", "remains", "publish the site's folder whl/, after the files, and keep the ledger with it")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
