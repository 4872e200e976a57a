"""Records the wheels of a release in the ledger, and makes the index's pages of it."""

from __future__ import annotations

from pathlib import Path

from index import ledger_changes, ledger_file, wheel_file
from index import site as index_site
from index.ledger import Ledger
from release import reports
from release.folder import ReleaseError
from release.release import Release


def publish(
    release: Release, ledger_path: Path, folder_url: str, lock: Path, site: Path, mirror: str | None = None
) -> int:
    """Record the wheels in the release's folder, with what they depend on, and render the site.

    Parameters
    ----------
    release : Release
        The release.
    ledger_path : Path
        The ledger; one is begun where there is none.
    folder_url : str
        Where the files of the folder will be.
    lock : Path
        The lock file (pylock.toml) of what they depend on.
    site : Path
        The root of the site.
    mirror : str, optional
        Where the site will be, instead of matrix.yaml's ``site``.

    Returns
    -------
    int
        How many wheels were not in the ledger before.

    Raises
    ------
    ReleaseError
        A row's wheel is not in the folder, is of another commit, or has not passed every gate; neither the ledger nor
        the site was changed.
    LedgerError
        The ledger does not take something, or the site has what it lacks; again neither was changed.
    """
    known, local_urls = release.facts.matrix, release.rehearsal
    url = index_site.url(known, mirror, local_urls=local_urls)
    old = ledger_file.load(ledger_path, known, local_urls=local_urls) if ledger_path.exists() else Ledger()
    new = old
    time = ledger_changes.now()
    for row in release.wheel_rows:
        done = release.wheel(row)
        if not done:
            raise ReleaseError(f"{release.folder.path} has no wheel of {row.name}: `wheels` takes it there")
        left = reports.lacking(release.folder.path, done)
        if left and not release.rehearsal:
            how = reports.how(release.folder.path, done)
            raise ReleaseError(
                f"{done.file} has not been held against {' and '.join(left)}, which nothing is released without: {how}"
            )
        wheel = wheel_file.read(release.folder.path / done.file)
        new = ledger_changes.add(new, known, wheel, row.name, folder_url, time, local_urls=local_urls)
    new = ledger_changes.depend(new, known, lock, local_urls=local_urls)
    texts = index_site.tree(new, known, url)
    index_site.keeps_what_is_released(site, new, known)
    if new != old:
        ledger_file.save(ledger_path, new)
    # A run that is stopped here goes on when it is started again: the ledger has all that the pages are made of.
    index_site.write(site, texts, new, known)
    return len(new.files) - len(old.files)
