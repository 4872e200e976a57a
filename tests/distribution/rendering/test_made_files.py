"""What is made from matrix.yaml: up to date in this checkout, changed by every fact that it shows, and sound."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import matrix
from index.pages import index_pages
from rendering import bake_file, compose_file, facts, image_runs, made_files, select_rows, tables, workflow_jobs

CHECKOUT = Path(__file__).resolve().parents[3]
FACTS = facts.load(CHECKOUT)
ROWS = FACTS.matrix.rows

COMPOSE, BAKE, SELECT = compose_file.PATH, bake_file.PATH, select_rows.PATH
DOCS, README, WHEELS = "docs/images.md", "README.md", "docs/wheels.md"
JSON, INDEX = "the workflows' jobs", "the index pages"
SOURCES = (matrix.FILE, image_runs.FILE, "pyproject.toml")

every_row = pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))


@pytest.fixture
def tree(tmp_path):
    """Copy what is read and made into a folder."""
    for path in (*SOURCES, COMPOSE, BAKE, SELECT, DOCS, README, WHEELS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, tmp_path / path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def printed(rows):
    """What is made but not written to a file, by its name."""
    return {JSON: workflow_jobs.render(rows), INDEX: str(index_pages(rows))}


def test_the_checkout_is_as_its_matrix_makes_it():
    assert [difference.diff for difference in made_files.check(CHECKOUT)] == []


# A fact, as it stands in its file and as something else; what shows it; and what is shown then.
CHANGES = {
    "base image": ("name: debian:bookworm-slim", "name: debian:bookworm", {COMPOSE, BAKE, DOCS}, "debian:bookworm"),
    "digest": ("digest: sha256:da679129", "digest: sha256:00679129", {COMPOSE, BAKE}, "ubuntu22.04@sha256:00679129"),
    "packages": ("[ccache, g++, python3-venv]", "[ccache, g++, python3.99-venv]", {COMPOSE, BAKE}, "python3.99-venv"),
    "runtime packages": ("libnuma1", "libnuma99", {COMPOSE, BAKE}, "libnuma99"),
    "core option": ('LLGUIDANCE: "ON"', 'LLGUIDANCE: "OFF"', {COMPOSE, BAKE, DOCS}, "LLGUIDANCE=OFF"),
    "module option": ('GGML_HIP_GRAPHS: "ON"', 'GGML_HIP_GRAPHS: "OFF"', {COMPOSE, BAKE, DOCS}, "GGML_HIP_GRAPHS=OFF"),
    "cuda architectures": ("[61-real, 70-real", "[70-real", {COMPOSE, BAKE, DOCS, INDEX, SELECT}, None),
    "gfx targets": ("gfx1101, gfx1102]", "gfx1101]", {COMPOSE, BAKE, DOCS, INDEX, SELECT}, None),
    "gpus": ("gfx1200: Radeon RX 9060", "gfx1200: Radeon RX 9059", {DOCS, INDEX, SELECT}, "Radeon RX 9059"),
    "last driver": ('"70": "580"', '"70": "581"', {DOCS, SELECT}, "581"),
    "cuda gpus": ("GeForce RTX 20 and GTX 16", "GeForce RTX 21 and GTX 16", {DOCS, INDEX, SELECT}, "GeForce RTX 21"),
    "cuda driver": ("sass: 525.60.13", "sass: 526.60.13", {DOCS, README, WHEELS, INDEX, SELECT}, "526.60.13"),
    "rocm driver": ('min_driver: "6.2"', 'min_driver: "6.99"', {DOCS, README, WHEELS, INDEX}, "AMD's 6.99 or newer"),
    "hardware": (
        "hardware: GPUs of AMD",
        "hardware: cards of AMD",
        {DOCS, README, COMPOSE, WHEELS, INDEX},
        "cards of AMD",
    ),
    "title": ("title: Vulkan", "title: Any Vulkan", {DOCS, COMPOSE, BAKE, INDEX}, "Any Vulkan"),
    "alias": ("alias: rocm", "alias: amd", {DOCS, COMPOSE, BAKE}, "amd"),
    "latest": ("latest: cpu-generic", "latest: vulkan", {DOCS, BAKE}, "latest"),
    "name": ("name: xllamacpp", "name: xlc", {DOCS, COMPOSE, BAKE, INDEX, SELECT}, "xlc"),
    "libraries": ("libcublasLt.so.12", "libcublasLt.so.99", {DOCS, COMPOSE, BAKE, SELECT}, "libcublasLt.so.99"),
    "extra": ("name: cuda\n", "name: nvidia\n", {COMPOSE, BAKE, INDEX, SELECT}, "nvidia"),
    "packages of the extra": ("nvidia-cublas-cu12:", "nvidia-cublas:", {COMPOSE, BAKE}, "nvidia-cublas>=12.4,<13"),
    "folders of the extra": ("nvidia/cublas/lib", "nvidia/cu12/lib", {DOCS, COMPOSE, BAKE, SELECT}, "nvidia/cu12/lib"),
    "linked": ("libcublas.so.12, libcuda", "libcublasLt.so.12, libcuda", {DOCS, SELECT}, "libcublasLt.so.12"),
    "provided": ("the package libvulkan1", "the package vulkan-icd-loader", {SELECT}, "vulkan-icd-loader"),
    "vulkan version": ('min_version: "1.2"', 'min_version: "1.3"', {DOCS, README, WHEELS, INDEX, SELECT}, "1.3"),
    "site": ("site: null", "site: https://packages.example/", {SELECT}, "https://packages.example/"),
    "kernels": ("hipblaslt/library", "hipblaslt/kernels", {COMPOSE, BAKE}, "hipblaslt/kernels"),
    "devices": ("[/dev/kfd, /dev/dri]", "[/dev/kfd, /dev/dri, /dev/other]", {DOCS, COMPOSE, SELECT}, "/dev/other"),
    "environment": ("DEVICES: all", "DEVICES: none", {DOCS, COMPOSE, BAKE}, "none"),
    "wheel platform": (
        "manylinux_2_39_x86_64",
        "manylinux_2_40_x86_64",
        {DOCS, WHEELS, INDEX, COMPOSE, BAKE, SELECT},
        None,
    ),
    "index folder": ("[rocm6.4, rocm-6.4]", "[rocm6.4]", {WHEELS, INDEX}, "`rocm6.4` |"),
    "wheel size": ("max_mb: 25}", "max_mb: 26}", {DOCS}, "26 MB at most"),
    "image size": ("image: {max_mb: 150}", "image: {max_mb: 151}", {DOCS}, "151 MB over its base"),
    "not published": (
        "image: {max_mb: 500}",
        "image: {published: false, why: tests, max_mb: 500}",
        {DOCS, COMPOSE, BAKE, JSON, INDEX, SELECT},
        None,
    ),
    "time limit": ("timeout_minutes: 350", "timeout_minutes: 340", {JSON}, None),
    "each change": ("each_change: false", "each_change: true", {JSON}, None),
    "gpu runner": ("x64, amd]", "x64, radeon]", {JSON}, None),
    "planned": ("cuda-13.2:", "cuda-13.9:", {DOCS}, "cuda-13.9"),
}


@pytest.mark.parametrize("fact", CHANGES)
def test_a_changed_fact_changes_every_place_that_shows_it(tree, fact, capsys):
    old, new, shown_in, shown = CHANGES[fact]
    edit(tree / matrix.FILE, old, new)

    differences = {difference.path: difference.diff for difference in made_files.check(tree)}
    before, after = printed(FACTS.matrix), printed(matrix.load(tree))
    assert {*differences, *(name for name in before if before[name] != after[name])} == shown_in
    for diff in differences.values():
        assert shown is None or any(shown in line for line in diff.splitlines() if line.startswith("+"))

    # Not to render is an error, which says what to do; to render is not.
    assert made_files.main(["check"], tree) == (1 if differences else 0)
    assert not differences or "nox -s matrix -- render" in capsys.readouterr().err
    assert made_files.render(tree) == list(differences)
    assert made_files.main(["check"], tree) == 0


def test_a_new_version_is_shown_too(tree):
    edit(tree / "pyproject.toml", f'version = "{FACTS.version}"', 'version = "1.2.3"')
    assert [difference.path for difference in made_files.check(tree)] == [COMPOSE, BAKE, SELECT, DOCS]


@pytest.mark.parametrize(
    ("reached", "summary"),
    [
        ("checked", "2026-11-20: checked, its module never built"),
        ("compiled", "2026-11-20: built from stand-ins"),
        ("ran", "2026-11-20: built from stand-ins, ran"),
        ("ran on a GPU", "2026-11-20: built from stand-ins, ran on a GPU"),
    ],
)
def test_a_new_run_is_shown_too(tree, reached, summary):
    (tree / image_runs.FILE).write_text(RECORD)
    made_files.render(tree)
    new = f"vulkan: {{reached: {reached}, date: 2026-11-20, bases: stand-ins, machine: two cores, what: answers}}"
    edit(tree / image_runs.FILE, "vulkan: {reached: nothing, what: not built yet}", new)
    readme, docs = made_files.check(tree)
    assert f"| {summary} |" in readme.diff
    assert f"| `vulkan` | 2026-11-20 | {reached} | stand-ins | two cores | answers |" in docs.diff


def test_an_edited_file_is_put_right(tree):
    edit(tree / COMPOSE, "read_only: true", "read_only: false")
    (tree / BAKE).unlink()
    (compose, bake) = made_files.check(tree)
    assert "-  read_only: false\n+  read_only: true\n" in compose.diff
    assert bake.path == BAKE
    assert made_files.render(tree) == [COMPOSE, BAKE]
    assert (tree / COMPOSE).read_text() == (CHECKOUT / COMPOSE).read_text()


def test_what_people_write_around_the_made_parts_stays(tree):
    edit(tree / README, "## Ten lines of Python", "## Eleven lines of Python")
    edit(tree / README, "| `vulkan` |", "| `volcano` |")
    made_files.render(tree)
    text = (tree / README).read_text(encoding="utf-8")
    assert "## Eleven lines of Python" in text
    assert "volcano" not in text


@pytest.mark.parametrize("damage", ["<!-- matrix: support -->\n", "<!-- /matrix: support -->\n"])
@pytest.mark.parametrize("times", [0, 2])
def test_a_page_without_its_markers_is_refused_and_nothing_is_written(tree, damage, times):
    edit(tree / README, damage, damage * times)
    edit(tree / matrix.FILE, "alias: rocm", "alias: amd")
    before = (tree / COMPOSE).read_text()
    with pytest.raises(
        matrix.MatrixError, match=r"README\.md: the lines <!-- matrix: support --> and .* have to be there"
    ):
        made_files.render(tree)
    assert (tree / COMPOSE).read_text() == before


def test_a_wrong_matrix_is_told_and_nothing_is_written(tree, capsys):
    edit(tree / matrix.FILE, "alias: rocm", "alais: rocm")
    for command in (["check"], ["render"], ["--json"]):
        assert made_files.main(command, tree) == 1
        output = capsys.readouterr()
        assert (output.out, "row rocm-6.4: there is no key alais. Did you mean alias?" in output.err) == ("", True)
    assert made_files.main(["rendr"], tree) == 2
    assert "check, render or --json" in capsys.readouterr().err


# The record of runs


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  vulkan: {", "  volcano: {", "row volcano: is not in matrix.yaml"),
        ("  cpu-native: {reached: nothing, what: not built yet}\n", "", "row cpu-native: is missing"),
        (
            "reached: nothing, what: not built yet",
            "reached: soon, what: x",
            "reached is 'soon': it has to be one of nothing",
        ),
        ("reached: nothing, what: not built yet", "reached: ran, what: x", "ran needs date, bases and machine"),
        (
            "reached: nothing, what: not",
            "reached: nothing, date: 2026-11-25, what: not",
            "nothing was reached, so no date",
        ),
        ("runs:\n", "run:\n", "there has to be one key, runs"),
    ],
)
def test_a_record_that_says_too_little_or_too_much_is_refused(tree, old, new, said):
    (tree / image_runs.FILE).write_text(RECORD)
    edit(tree / image_runs.FILE, old, new)
    with pytest.raises(image_runs.ImageRunError, match=r"docs/image_runs\.yaml:\d+: ") as caught:
        image_runs.load(tree, FACTS.matrix)
    assert said in str(caught.value)


RECORD = "runs:\n" + "".join(f"  {name}: {{reached: nothing, what: not built yet}}\n" for name in ROWS)


def test_a_row_that_was_never_built_says_so_everywhere(tree):
    (tree / image_runs.FILE).write_text(RECORD)
    made_files.render(tree)
    for path in (README, DOCS):
        table = tables.support(facts.load(tree))
        assert table in (tree / path).read_text(encoding="utf-8")
        assert table.count("never built") == len(ROWS)


# What is made


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load((CHECKOUT / COMPOSE).read_text(encoding="utf-8"))


def test_each_profile_starts_one_service(compose):
    assert list(compose["services"]) == list(ROWS)
    profiles = [profile for service in compose["services"].values() for profile in service["profiles"]]
    assert len(profiles) == len(set(profiles))
    assert {*ROWS, "cpu", "cuda", "rocm"} == set(profiles)


@every_row
def test_every_service_is_hardened(compose, row):
    service = compose["services"][row.name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert service["ports"] == ["127.0.0.1:${PORT:-8080}:8080"]
    assert service["volumes"] == ["models:/models"]
    assert {"mem_limit", "cpus", "stop_grace_period"} <= set(service)
    assert "privileged" not in service


@every_row
def test_every_service_gets_the_devices_of_its_row(compose, row):
    service = compose["services"][row.name]
    assert service.get("devices", []) == list(row.container.devices)
    assert len(service.get("group_add", [])) == len(row.container.groups)
    reserved = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    assert [device["driver"] for device in reserved] == ([row.container.reserve] if row.container.reserve else [])


@every_row
def test_compose_and_bake_build_with_the_rows_arguments(compose, row):
    build = compose["services"][row.name]["build"]
    bake = json.loads((CHECKOUT / BAKE).read_text(encoding="utf-8"))["target"][row.name.replace(".", "_")]
    for made in (build, bake):
        assert made["dockerfile"] == row.dockerfile_path
        assert made["target"] == "runtime"
        assert row.build_args().items() <= made["args"].items()
        assert {"VERSION", "REVISION", "CREATED"} <= made["args"].keys()


def test_bakes_groups_name_targets():
    bake = json.loads((CHECKOUT / BAKE).read_text(encoding="utf-8"))
    for group in bake["group"].values():
        assert group["targets"]
        assert set(group["targets"]) <= set(bake["target"])
    assert "cpu-native" not in bake["group"]["published"]["targets"]


def test_index_pages_are_for_what_is_published():
    pages = {page.row: page for page in index_pages(FACTS.matrix)}
    assert list(pages) == [name for name, row in ROWS.items() if row.wheel.published]
    assert (pages["cuda-12.4"].folder, pages["cuda-12.4"].label) == ("cu124", "cu124")
    assert (pages["rocm-6.4"].folder, pages["rocm-6.4"].aliases) == ("rocm-6.4.1", ("rocm6.4", "rocm-6.4"))
    assert pages["vulkan"].glibc == "2.39"
    assert pages["cuda-12.4"].drivers == ROWS["cuda-12.4"].drivers
    assert "cpu-native" not in pages
