"""The site of the index: from a ledger to a tree of files, and from that to a folder."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from index import landing_page, ledger_file, simple_api, variant_page, variants
from index.completeness import incomplete
from index.continuation import broken
from index.ledger import AnyFile, Ledger, LedgerError
from index.ledger_rules import url_problem
from index.pages import folders
from index.simple_api import Attachment
from matrix import FILE, Matrix
from rendering.made_files import Difference

FOLDER = "whl"
LEDGER = f"{FOLDER}/ledger.json"


def url(matrix: Matrix, mirror: str | None, *, local_urls: bool = False) -> str:
    """Return where the site is.

    Parameters
    ----------
    matrix : Matrix
        Its ``site`` is the home of that.
    mirror : str or None
        Where else the same pages will be; None for the site itself.
    local_urls : bool, optional
        Whether that may be on this machine, for a test. Default: False.

    Raises
    ------
    LedgerError
        There is no site yet, or the mirror's URL is none that pages could show.
    """
    if mirror is None and matrix.site is None:
        raise LedgerError(f"{FILE} has no site yet: set it to where the pages are served (--base-url is for a mirror)")
    found = mirror or matrix.site or ""
    if problem := url_problem(found, local_urls):
        raise LedgerError(f"the site {problem}")
    return found


def tree(ledger: Ledger, matrix: Matrix, base_url: str) -> dict[str, str]:
    """Return the site's files.

    Parameters
    ----------
    ledger : Ledger
        What is released.
    matrix : Matrix
        The rows of today, and so the folders besides those that the ledger has.
    base_url : str
        Where the site will be, for the commands that people copy.

    Returns
    -------
    dict of str to str
        The texts by their paths from the root of the site, all under ``whl/``; for the same arguments always the same.

    Raises
    ------
    LedgerError
        A wheel could not be installed from this index alone: the ledger lacks something that it depends on.
    """
    if lacking := [str(problem) for problem in incomplete(ledger)]:
        raise LedgerError("\n".join(lacking))
    ours = canonicalize_name(matrix.name)
    released = (*ledger.files, *ledger.variants)
    dependencies: dict[str, list[AnyFile]] = defaultdict(list)
    for record in ledger.dependencies:
        dependencies[record.project].append(record)
    texts = {
        f"{FOLDER}/index.html": landing_page.render(ledger, matrix, f"{base_url.rstrip('/')}/{FOLDER}"),
        f"{FOLDER}/SHA256SUMS": "".join(sorted(f"{each.sha256}  {each.file}\n" for each in released)),
        LEDGER: ledger_file.render(ledger),
    }
    for name, wheels in folders(ledger, matrix).items():
        texts |= _index(name, {ours: wheels, **dependencies}, {})
    if ledger.variants:
        described = variant_page.descriptions(ledger)
        attached: dict[str, Sequence[Attachment]] = {ours: variant_page.attachments(described)}
        texts |= _index(variants.LABEL, {ours: ledger.variants, **dependencies}, attached)
        texts |= {f"{FOLDER}/{variants.LABEL}/{ours}/{name}": text for name, text in described.items()}
    return dict(sorted(texts.items()))


def _index(
    folder: str,
    projects: Mapping[str, Sequence[AnyFile]],
    attachments: Mapping[str, Sequence[Attachment]],
) -> dict[str, str]:
    """Return the pages of one index: its list of projects, and each project's list of files."""
    texts = {
        f"{FOLDER}/{folder}/index.html": simple_api.root_html(projects),
        f"{FOLDER}/{folder}/index.json": simple_api.root_json(projects),
    }
    for project, files in projects.items():
        listed = project, files, attachments.get(project, ())
        texts[f"{FOLDER}/{folder}/{project}/index.html"] = simple_api.project_html(*listed)
        texts[f"{FOLDER}/{folder}/{project}/index.json"] = simple_api.project_json(*listed)
    return texts


def check(site: Path, texts: Mapping[str, str]) -> list[Difference]:
    """Compare a site with what it should be; a missing file and one too many differ, too."""
    found = {path.relative_to(site).as_posix(): path for path in (site / FOLDER).rglob("*") if path.is_file()}
    differences = []
    for path in sorted({*found, *texts}):
        before = found[path].read_text(encoding="utf-8") if path in found else ""
        after = texts.get(path, "")
        if before != after or path not in found or path not in texts:
            lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), path, f"{path} (rendered)")
            differences.append(Difference(path, "".join(lines)))
    return differences


def write(site: Path, texts: Mapping[str, str], ledger: Ledger, matrix: Matrix) -> None:
    """Put a tree in the place of the one that a site has; what else is on the site stays.

    Whatever stops this, the site has the old tree or the new one; where not even that could be done any more, the old
    one lies beside (``.whl-before``), and the next run puts it back.

    Parameters
    ----------
    site : Path
        The root of the site; made where it is missing.
    texts : mapping of str to str
        The tree.
    ledger : Ledger
        What the tree was made of.
    matrix : Matrix
        What both were checked with.

    Raises
    ------
    LedgerError
        The ledger is not the site's own continued, or its ``whl`` is not of this kind. Nothing was changed.
    """
    place = site / FOLDER
    keeps_what_is_released(site, ledger, matrix)
    site.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site, prefix=f".{FOLDER}-") as drafts:
        for path, text in texts.items():
            target = Path(drafts, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        try:
            if place.exists():
                place.rename(_aside(place))
            Path(drafts, FOLDER).rename(place)
        finally:
            _settle(place)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}-before")


def _settle(place: Path) -> None:
    """Put the old folder back where a run was stopped before the new one was there; else remove it."""
    aside = _aside(place)
    if aside.exists() and not place.exists():
        aside.rename(place)
    elif aside.exists():
        shutil.rmtree(aside)


def keeps_what_is_released(site: Path, ledger: Ledger, matrix: Matrix) -> None:
    """Raise where :func:`write` would refuse a ledger. Parameters and errors are those of it."""
    # Where a run was stopped, what is released lies beside.
    _settle(site / FOLDER)
    if not (site / FOLDER).exists():
        return
    if not (site / LEDGER).exists():
        raise LedgerError(
            f"{site / FOLDER} has no ledger.json, so it is no index of ours: name another --site, or move it"
        )
    published = ledger_file.load(site / LEDGER, matrix, local_urls=True)
    if lines := list(broken(published, ledger)):
        advice = f"the ledger is not the site's continued: begin with the site's own, {site / LEDGER}"
        raise LedgerError("\n".join([*lines, advice]))
