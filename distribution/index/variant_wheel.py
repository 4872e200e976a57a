"""Makes a wheel's copy among the variants of its version: the same content under a version that they share."""

from __future__ import annotations

import datetime
import json
import re
import tempfile
import uuid
import zipfile
from pathlib import Path
from urllib.parse import quote

from index import variants
from index.ledger import LedgerError
from index.variants import Variant, variants_json
from wheels.archive import BUILD_INFO, SBOM, write


def derive(wheel: Path, variant: Variant, folder: Path) -> Path:
    """Write the copy of a finished wheel; the same wheel gives the same bytes.

    Parameters
    ----------
    wheel : Path
        The wheel, as it is released.
    variant : Variant
        What it is to be.
    folder : Path
        Where to; made where it is missing.

    Returns
    -------
    Path
        The copy; one that is there already is replaced.

    Raises
    ------
    LedgerError
        The wheel is not as :func:`wheels.finished_wheel.finish` leaves it.
    """
    with zipfile.ZipFile(wheel) as archive:
        files = {member.filename: archive.read(member) for member in archive.infolist()}
        created = datetime.datetime(*archive.infolist()[0].date_time, tzinfo=datetime.UTC)
    project, old, rest = wheel.name.split("-", 2)
    version = f"{old.partition('+')[0]}+{variants.LABEL}"
    before, info = (f"{project}-{each}.dist-info" for each in (old, version))
    files = {name.replace(f"{before}/", f"{info}/", 1): data for name, data in files.items()}
    sbom, metadata = f"{info}/sboms/{SBOM}", f"{info}/METADATA"
    if missing := {BUILD_INFO, sbom, metadata, f"{info}/RECORD"} - files.keys():
        raise LedgerError(f"{wheel.name} has no {', '.join(sorted(missing))}: take the one that the row's build made")

    del files[f"{info}/RECORD"]
    files[metadata] = re.sub(
        rb"^Version: .*$", f"Version: {version}".encode(), files[metadata], count=1, flags=re.MULTILINE
    )
    build = json.loads(files[BUILD_INFO]) | {"version": version}
    files[BUILD_INFO] = (json.dumps(build, indent=2) + "\n").encode()
    files[sbom] = _relabelled(files[sbom].decode(), old, version).encode()
    if variant.name:
        files[f"{info}/variant.json"] = variants_json({variant.name: variant.properties}).encode()

    suffix = f"-{variant.name}.whl" if variant.name else ".whl"
    copy = folder / f"{project}-{version}-{rest.removesuffix('.whl')}{suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as drafts:
        draft = Path(drafts) / copy.name
        write(draft, files, f"{info}/RECORD", created)
        draft.replace(copy)
    return copy


def _relabelled(bom: str, old: str, new: str) -> str:
    """Return a list of parts as another document, which it has to be: of a wheel of another version."""
    serial = json.loads(bom)["serialNumber"]
    text = bom.replace(serial, uuid.uuid5(uuid.UUID(serial), new).urn)
    return text.replace(old, new).replace(quote(old), quote(new))
