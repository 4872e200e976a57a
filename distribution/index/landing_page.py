"""The page of the index for people: which wheel they need, and the lines that install it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from index.ledger import Ledger, ReleasedFile
from index.page_templates import fill
from index.pages import IndexPage, folders, index_pages
from index.variants import LABEL
from matrix import Matrix


@dataclass(frozen=True)
class Offer:
    """What a visitor gets on one row's page.

    Parameters
    ----------
    page : IndexPage
        The page.
    url : str
        What ``--index-url`` takes.
    newest : ReleasedFile or None
        The wheel to install; None where the row has none yet.
    """

    page: IndexPage
    url: str
    newest: ReleasedFile | None

    @property
    def size(self) -> str:
        """How much is downloaded."""
        return f"{max(1, round(self.newest.size / 1e6))} MB" if self.newest else ""

    @property
    def requirement(self) -> str:
        """What to install: with the label, so that another row's wheel does not do for it."""
        extra = f"[{self.page.extra}]" if self.page.extra else ""
        return f"{self.newest.project}{extra}=={self.newest.version}" if self.newest else ""

    @property
    def argument(self) -> str:
        """The requirement as a shell takes it: to some, brackets are a pattern."""
        return f'"{self.requirement}"' if self.page.extra else self.requirement


def render(ledger: Ledger, matrix: Matrix, url: str) -> str:
    """Return the page.

    Parameters
    ----------
    ledger : Ledger
        What is released.
    matrix : Matrix
        What there is to choose from.
    url : str
        Where the page will be, without a slash at its end.
    """
    listed = folders(ledger, matrix)
    offers = [Offer(page, f"{url}/{page.folder}/", newest(listed[page.folder])) for page in index_pages(matrix)]
    # What is the better choice comes first: the newer.
    by_backend = {name: [offer for offer in offers[::-1] if offer.page.backend == name] for name in _BACKENDS}
    versions = [Version(offer.newest.version.public) for offer in offers if offer.newest]
    return fill(
        "landing.html",
        name=matrix.name,
        version=str(max(versions)) if versions else None,
        python=_python(offers),
        offers=offers,
        by_backend=by_backend,
        retired=sorted(listed.keys() - {name for offer in offers for name in offer.page.names}),
        variants=_variants(ledger, url),
    )


def _python(offers: Sequence[Offer]) -> str | None:
    """Return the oldest Python that all of the wheels run on, as their names have it; None where there are none."""
    names = (parse_wheel_filename(offer.newest.file)[3] for offer in offers if offer.newest)
    needed = [found for tags in names for tag in tags if (found := re.fullmatch(r"cp(\d)(\d+)", tag.interpreter))]
    return "{}.{}".format(*max((int(each[1]), int(each[2])) for each in needed)) if needed else None


@dataclass(frozen=True)
class Variants:
    """What there is for installers that choose by themselves.

    Parameters
    ----------
    url : str
        What ``--index-url`` takes.
    version : str
        The newest version of them.
    choices : tuple of str
        The folders of the wheels that they are copies of.
    """

    url: str
    version: str
    choices: tuple[str, ...]


def _variants(ledger: Ledger, url: str) -> Variants | None:
    """Return what the page says of the variants; None where there is no wheel that every installer finds."""
    found = newest([each for each in ledger.variants if each.variant is None])
    if found is None:
        return None
    copied = {each.copy_of for each in ledger.variants if each.version == found.version and each.yanked is None}
    folders = {each.folders[0] for each in ledger.files if each.file in copied}
    return Variants(f"{url}/{LABEL}/", str(found.version), tuple(sorted(folders)))


_BACKENDS = ("cuda", "hip", "vulkan", "cpu")


def newest(files: Sequence[ReleasedFile]) -> ReleasedFile | None:
    """Return the file that installers take: the newest that is not yanked, and no candidate where there is another."""
    good = [file for file in files if file.yanked is None]
    return max(good, key=lambda file: (not file.version.is_prerelease, *file.order), default=None)
