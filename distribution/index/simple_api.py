"""The pages that installers read: the simple repository API in version 1.4, as HTML and as JSON.

HTML is what a site of files can serve with the right content type, and so what installers take. The JSON beside it says
more (sizes, times), and is for mirrors and for tools that ask for it by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from index.ledger import AnyFile, ReleasedFile
from index.page_templates import fill

API_VERSION = "1.4"


@dataclass(frozen=True)
class Attachment:
    """A file that a project's page lists besides wheels.

    Parameters
    ----------
    file : str
        Its name.
    url : str
        Where it is, from the page.
    sha256 : str
        Its hash.
    size : int
        Its size in bytes.
    """

    file: str
    url: str
    sha256: str
    size: int


def root_html(projects: Iterable[str]) -> str:
    """Return the page that lists an index's projects, given their normalised names."""
    return fill("projects.html", api_version=API_VERSION, projects=sorted(projects))


def root_json(projects: Iterable[str]) -> str:
    """Return the same as JSON."""
    return _json({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in sorted(projects)]})


def project_html(project: str, files: Sequence[AnyFile], attachments: Sequence[Attachment] = ()) -> str:
    """Return the page of a project.

    Parameters
    ----------
    project : str
        Its normalised name.
    files : sequence of AnyFile
        Its files, in any order; all of them are listed.
    attachments : sequence of Attachment
        What is listed after them. Default: nothing.
    """
    anchors = [
        {"file": file.file, "url": f"{file.url}#sha256={file.sha256}", "attributes": _attributes(file)}
        for file in (*_in_order(files), *attachments)
    ]
    return fill("project.html", api_version=API_VERSION, project=project, anchors=anchors)


def project_json(project: str, files: Sequence[AnyFile], attachments: Sequence[Attachment] = ()) -> str:
    """Return the same as JSON, with sizes, times and versions."""
    versions = sorted({file.version for file in files})
    return _json(
        {
            "meta": {"api-version": API_VERSION},
            "name": project,
            "versions": [str(version) for version in versions],
            "files": [_entry(file) for file in (*_in_order(files), *attachments)],
        }
    )


def _in_order(files: Sequence[AnyFile]) -> list[AnyFile]:
    return sorted(files, key=lambda file: file.order)


def _attributes(file: AnyFile | Attachment) -> dict[str, str]:
    if isinstance(file, Attachment):
        return {}
    found = {"data-requires-python": file.requires_python, "data-yanked": file.yanked}
    # Others' METADATA is not known: pip reads their wheels.
    if isinstance(file, ReleasedFile):
        metadata = f"sha256={file.metadata_sha256}"
        # pip before 23.2 knows the older name alone.
        found |= {"data-core-metadata": metadata, "data-dist-info-metadata": metadata}
        found |= {"data-provenance": file.provenance}
    return {name: value for name, value in found.items() if value is not None}


def _entry(file: AnyFile | Attachment) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": file.file,
        "url": file.url,
        "hashes": {"sha256": file.sha256},
        "size": file.size,
    }
    if isinstance(file, Attachment):
        return entry
    entry["yanked"] = file.yanked or False
    known = {"upload-time": file.upload_time, "requires-python": file.requires_python}
    if isinstance(file, ReleasedFile):
        # Not under its old name too, as in HTML: Debian 12's pip fails at that (PEP 714).
        entry["core-metadata"] = {"sha256": file.metadata_sha256}
        known["provenance"] = file.provenance
    return entry | {name: value for name, value in known.items() if value}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
