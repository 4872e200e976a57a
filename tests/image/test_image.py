"""What the image is made of, and what it says of itself."""

from __future__ import annotations

import io
import json
import re
import tarfile

import pytest

from image.containers import run

pytestmark = pytest.mark.docker

_MB = 1e6


def read_file(client, image, path):
    container = client.containers.create(image)
    try:
        packed = io.BytesIO(b"".join(container.get_archive(path)[0]))
    finally:
        container.remove(v=True)
    with tarfile.open(fileobj=packed) as archive:
        return archive.extractfile(archive.next()).read()


def test_it_stays_within_its_size(client, image, row):
    found = client.images.get(image)
    base = client.images.get(found.labels["org.opencontainers.image.base.name"])
    over_its_base = found.attrs["Size"] - base.attrs["Size"]
    assert 0 < over_its_base / _MB <= row.image.max_mb


def test_its_user_is_not_root_and_in_group_0(client, image):
    assert client.images.get(image).attrs["Config"]["User"] == "10001:0"


def test_a_volume_takes_the_folders_owner_and_mode(client, image):
    said = run(
        client, image, ["python", "-c", "import os; s = os.stat('/models'); print(s.st_uid, s.st_gid, oct(s.st_mode))"]
    )
    assert said == (0, "10001 0 0o40775\n")


def test_it_has_the_labels_of_the_open_container_initiative(client, image, row, version):
    labels = client.images.get(image).labels
    expected = {"title", "description", "licenses", "version", "revision", "created", "base.name"}
    assert expected <= {label.removeprefix("org.opencontainers.image.") for label in labels}
    assert labels["org.opencontainers.image.version"] == version
    assert labels["io.xllamacpp.row"] == row.name
    assert re.fullmatch(r"[0-9a-f]{40}", labels["org.opencontainers.image.revision"])


def test_its_health_check_asks_the_server(client, image):
    assert client.images.get(image).attrs["Config"]["Healthcheck"]["Test"] == ["CMD", "xllamacpp", "health"]


def test_the_list_of_its_parts_is_inside(client, image, row):
    parts = json.loads(read_file(client, image, "/usr/share/sbom/xllamacpp.cdx.json"))
    assert parts["bomFormat"] == "CycloneDX"
    assert parts["metadata"]["component"]["name"] == f"xllamacpp:{row.name}"
    listed = {part["purl"].partition("@")[0] for part in parts["components"]}
    # Of each kind: what is compiled in, Python's packages, crates, Debian's packages.
    assert {
        "pkg:pypi/llama-cpp-python",
        "pkg:pypi/huggingface-hub",
        "pkg:cargo/llguidance",
        "pkg:deb/debian/tini",
    } <= listed
    installed = run(client, image, ["sh", "-c", "dpkg-query -W -f '${Package}\\n'"])[1].split()
    assert {f"pkg:deb/debian/{name}".replace("+", "%2B") for name in installed} <= listed


def test_no_layer_holds_what_was_lent_to_the_build(client, image):
    # As root: another user cannot look everywhere, and would find nothing.
    places = "/run/secrets ~root/.cache /var/cache/apt/archives /var/lib/apt/lists"
    status, said = run(client, image, ["sh", "-c", f"find {places} -type f 2>/dev/null; echo looked"], user="0:0")
    assert (status, said.endswith("looked\n")) == (0, True)
    assert not re.search(r"cacert|pip\.conf|\.deb\b|_Packages", said)
    history = json.dumps(client.images.get(image).history())
    assert "BEGIN CERTIFICATE" not in history


def test_the_wheel_is_the_rows(client, image, row):
    build = json.loads(run(client, image, ["info", "--json"])[1])["build"]
    assert build["backends"] == (["cpu"] if row.backend == "cpu" else ["cpu", row.backend])
    cpu_modules = [module for module in build["modules"] if module.startswith("cpu")]
    assert (len(cpu_modules) == 1) == (row.cmake.core["XLLAMACPP_CPU"] == "native")
    assert build["llguidance"]
    assert build["openssl"]
