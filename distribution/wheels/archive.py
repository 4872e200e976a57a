"""A wheel's archive: written so that the same files are the same bytes, and the names of what is read in it again."""

from __future__ import annotations

import base64
import csv
import datetime
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

SBOM = "xllamacpp.cdx.json"
BUILD_INFO = "xllamacpp/_native/build_info.json"
_MODE = 0o100644


def write(path: Path, files: Mapping[str, bytes], record: str, created: datetime.datetime) -> None:
    """Write a wheel's archive, with its RECORD: in one order, one mode and one time, so that nothing else shows."""
    order = sorted(files, key=lambda name: (".dist-info/" in name, name))
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\n")
    for name in order:
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
        rows.writerow([name, f"sha256={digest}", len(files[name])])
    rows.writerow([record, "", ""])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in [*order, record]:
            member = zipfile.ZipInfo(name, created.astimezone(datetime.UTC).timetuple()[:6])
            member.external_attr = _MODE << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, lines.getvalue() if name == record else files[name])
