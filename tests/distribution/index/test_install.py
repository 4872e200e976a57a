"""The index as installers see it: served from folders, it gives each of them the right wheel, and nobody else's."""

from __future__ import annotations

import dataclasses
import html
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matrix
import models
from file_server import FileServer
from gpu_build import DRIVER, make_lame_module
from index import ledger_changes, simple_api, site, wheel_file
from index.ledger import Dependency, Ledger
from installers import OLDEST_PIP
from wheel_copies import copy_wheel, make_dependencies, make_dependency, make_wheel
from xllamacpp.select import Machine
from xllamacpp.select.install_commands import pip_commands
from xllamacpp.select.rows import load_rows
from xllamacpp.select.source import Interpreter

CHECKOUT = Path(__file__).resolve().parents[3]
MATRIX = matrix.load(CHECKOUT)
WHEEL = os.environ.get("XLLAMACPP_WHEEL")
NOW = "2026-11-26T10:00:00Z"

pytestmark = pytest.mark.skipif(
    WHEEL is None or sys.platform != "linux",
    reason="these install the built wheel: XLLAMACPP_WHEEL names the file (`nox -s tests` sets it)",
)

# By row: what is released. The newest of cu128 is yanked.
RELEASED = {
    "cpu-generic": ["2026.11.0+cpu"],
    "cuda-12.4": ["2026.10.0+cu124", "2026.11.0+cu124"],
    "cuda-12.8": ["2026.11.0+cu128", "2026.11.1+cu128"],
    "vulkan": ["2026.11.0+vulkan"],
}
# Those that run. What is left out of the others is most of a wheel.
WHOLE = ("2026.11.0+cpu", "2026.11.0+cu124")
REASON = "wrong answers on <some> GPUs"


# Stand-ins of NVIDIA's wheels, which are hundreds of megabytes.
NVIDIAS = set(MATRIX.rows["cuda-12.4"].wheel.extra.packages)


def extra_metadata(row):
    """Return the lines of METADATA that the build of a row adds for its extra."""
    extra = MATRIX.rows[row].wheel.extra
    if not extra:
        return []
    needs = (f'Requires-Dist: {requirement}; extra == "{extra.name}"' for requirement in extra.requirements)
    return [f"Provides-Extra: {extra.name}", *needs]


def module_of(row):
    """Return the name of the GPU module that a row's wheel has; None where it has none."""
    return f"libggml-{MATRIX.rows[row].backend}.so" if MATRIX.rows[row].is_gpu else None


def modules_in(environment):
    """Return the GPU modules that are installed."""
    found = environment.folder.glob("lib/python*/site-packages/xllamacpp/lib/libggml-*.so")
    return [path.name for path in found if not re.match(r"libggml-(cpu|base|xlc)", path.name)]


class Place:
    """The index and its files on two servers, and a third one that stands for the public index."""

    def __init__(self, folder: Path, index: FileServer, files: FileServer, public: FileServer) -> None:
        self.index, self.files, self.public, self.folder = index, files, public, folder
        self.module = make_lame_module(DRIVER)
        self.ledger = self._release(folder / "files")
        texts = site.tree(self.ledger, MATRIX, index.url)
        site.write(folder / "index", texts, self.ledger, MATRIX)
        self._publish_theirs(folder / "public")

    def url(self, row: str) -> str:
        """What ``--index-url`` takes for a row."""
        return f"{self.index.url}/whl/{row}/"

    @property
    def public_url(self) -> str:
        """What the public index is under."""
        return f"{self.public.url}/simple/"

    def _release(self, folder: Path) -> Ledger:
        folder.mkdir()
        ledger = Ledger()
        for row, versions in RELEASED.items():
            for version in versions:
                copy = copy_wheel(
                    Path(WHEEL),
                    folder,
                    version,
                    is_whole=version in WHOLE,
                    metadata=extra_metadata(row),
                    modules={module_of(row): self.module} if MATRIX.rows[row].is_gpu else {},
                )
                wheel = wheel_file.read(copy)
                wheel.write_metadata()
                ledger = ledger_changes.add(ledger, MATRIX, wheel, row, self.files.url, NOW, local_urls=True)
        nvidias = (make_dependency(folder, self.files.url, name, "12.9.1") for name in NVIDIAS)
        dependencies = (*make_dependencies(folder, self.files.url, wheel), *nvidias)
        ledger = dataclasses.replace(ledger, dependencies=dependencies)
        return ledger_changes.yank(ledger, MATRIX, "2026.11.1+cu128", REASON, local_urls=True)

    def _publish_theirs(self, folder: Path) -> None:
        """Write an index that has the dependencies, and another project of our name with a higher version."""
        trap = wheel_file.read(make_wheel(folder, "xllamacpp", "2099.1.0", metadata=["Requires-Python: >=3.8"]))
        theirs = Dependency(trap.path.name, f"{self.public.url}/{trap.path.name}", trap.sha256, trap.size)
        for record in (*self.ledger.dependencies, theirs):
            page = folder / "simple" / record.project / "index.html"
            page.parent.mkdir(parents=True)
            page.write_text(simple_api.project_html(record.project, [record]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    with (
        FileServer(folder / "index") as index,
        FileServer(folder / "files") as files,
        FileServer(folder / "public") as public,
    ):
        yield Place(folder, index, files, public)


@pytest.fixture(autouse=True)
def forget(place):
    for server in (place.index, place.files, place.public):
        server.asked.clear()


def test_a_row_is_installed_from_its_path_with_what_it_depends_on(place, environment):
    environment.run("install", "--index-url", place.url("cu124"), "xllamacpp")
    found = environment.installed()
    assert found.pop("xllamacpp") == "2026.11.0+cu124"
    assert len(found) == len(place.ledger.dependencies) - len(NVIDIAS)
    # The line that people know from other indexes: no slash at the end, and everything anew.
    environment.run("install", "xllamacpp", "--force-reinstall", "--index-url", f"{place.index.url}/whl/cu128")
    assert environment.installed()["xllamacpp"] == "2026.11.0+cu128"
    assert place.public.names() == []


def test_the_extra_brings_the_toolkits_libraries_from_the_same_index(place, environment):
    environment.run("install", "--index-url", place.url("cu124"), "xllamacpp[cuda]")
    found = {name.replace("_", "-"): version for name, version in environment.installed().items()}
    assert found["xllamacpp"] == "2026.11.0+cu124"
    assert {name: found.get(name) for name in NVIDIAS} == dict.fromkeys(NVIDIAS, "12.9.1")
    assert place.public.names() == []


def test_one_line_switches_to_another_version_or_row(place, environment):
    steps = (
        ("2026.10.0+cu124", ["libggml-cuda.so"]),
        ("2026.11.0+cu124", ["libggml-cuda.so"]),
        ("2026.11.0+cpu", []),
        ("2026.11.0+vulkan", ["libggml-vulkan.so"]),
    )
    for version, modules in steps:
        url = place.url(version.partition("+")[2])
        environment.run("install", "--no-deps", "--index-url", url, f"xllamacpp=={version}")
        assert environment.installed() == {"xllamacpp": version}
        assert modules_in(environment) == modules
        if version in WHOLE:
            environment.check("from xllamacpp import get_system_info; assert get_system_info()")


def test_a_gpus_wheel_without_its_driver_imports_says_so_and_answers_on_the_cpu(place, environment):
    environment.run("install", "--no-deps", "--index-url", place.url("cu124"), "xllamacpp==2026.11.0+cu124")
    model = models.tiny(models.TINY)
    environment.check(f"""
import xllamacpp as xlc
(module,) = [module for module in xlc.devices.get_backend_modules() if module["name"] == "cuda"]
assert not module["loaded"], module
assert {DRIVER!r} in module["reason"], module
params = xlc.CommonParams(n_ctx=256, n_parallel=1, warmup=False)
params.model.path = {str(model)!r}
with xlc.Server(params) as server:
    answer = server.handle_completions({{"prompt": "the", "max_tokens": 2}})
assert answer["usage"]["completion_tokens"] == 2, answer
""")


def test_the_line_on_the_landing_page_installs_what_it_is_for(place, environment):
    page = html.unescape((place.folder / "index/whl/index.html").read_text(encoding="utf-8"))
    program = "uv pip" if environment.name == "uv" else "(?<!uv )pip"
    for row, version in (("cu124", "2026.11.0+cu124"), ("vulkan", "2026.11.0+vulkan")):
        (line,) = re.findall(rf"{program} (install --index-url {re.escape(place.url(row))} [^<\n]*)", page)
        environment.run(*shlex.split(line))
        assert environment.installed()["xllamacpp"] == version


def test_the_line_that_select_prints_takes_another_rows_place(place, environment):
    environment.run("install", "--index-url", place.url("cpu"), "xllamacpp")
    rows = dataclasses.replace(load_rows(), site=f"{place.index.url}/", version="2026.11.0")
    machine = Machine(Interpreter("Linux", "x86_64", "glibc 2.39", "3.12.3", "CPython", False))
    (line,) = pip_commands(rows.find("cuda-12.4"), rows, machine)
    environment.run(*shlex.split(line.removeprefix("python3 -m pip ")))
    found = {name.replace("_", "-"): version for name, version in environment.installed().items()}
    assert found["xllamacpp"] == "2026.11.0+cu124"
    assert set(found) >= NVIDIAS


def test_the_checksums_are_those_of_the_files(place):
    sums = (place.folder / "index/whl/SHA256SUMS").resolve()
    command = ["sha256sum", "--check", "--strict", sums]
    done = subprocess.run(command, cwd=place.folder / "files", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == len(place.ledger.files)


def test_the_metadata_is_taken_before_or_instead_of_the_wheel(place, environment):
    environment.run("install", "--dry-run", "--index-url", place.url("cu124"), "xllamacpp")
    ours = [name for name in place.files.names() if name.startswith("xllamacpp")]
    metadata = "xllamacpp-2026.11.0+cu124-cp311-abi3-manylinux_2_17_x86_64.whl.metadata"
    assert ours[0] == metadata
    # pip's dry run fetches in the end what it would install, but for the newest ones.
    assert ours == [metadata] or environment.name == f"pip {OLDEST_PIP}"


def test_hashes_can_be_required(place, environment, tmp_path):
    version = "2026.11.0+cu124"
    (ours,) = [record for record in place.ledger.files if str(record.version) == version]
    lines = [
        f"{record.project}=={record.version} --hash=sha256:{record.sha256}"
        for record in (ours, *place.ledger.dependencies)
    ]
    requirements = tmp_path / "requirements.txt"
    install = ("install", "--index-url", place.url("cu124"), "--require-hashes", "-r", requirements)
    requirements.write_text("\n".join(lines).replace(ours.sha256, "0" * 64))
    assert "hash" in environment.run(*install, fails=True).lower()
    requirements.write_text("\n".join(lines))
    environment.run(*install)
    assert environment.installed()["xllamacpp"] == version


def test_a_yanked_version_is_passed_over_and_explained_where_it_is_asked_for(place, environment):
    install = ("install", "--no-deps", "--index-url", place.url("cu128"))
    environment.run(*install, "xllamacpp>=2026")
    assert environment.installed()["xllamacpp"] == "2026.11.0+cu128"
    assert REASON in environment.run(*install, "xllamacpp==2026.11.1+cu128")
    assert environment.installed()["xllamacpp"] == "2026.11.1+cu128"


def test_the_json_tells_an_installer_the_same(place, environment, tmp_path):
    # A site of files cannot say that it is JSON; a mirror that can may serve it instead.
    pages = place.folder / "index"
    for page in pages.glob("whl/cu128/**/index.json"):
        copy = tmp_path / "mirror" / page.relative_to(pages).with_suffix(".html")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, copy)
    with FileServer(tmp_path / "mirror", {".html": "application/vnd.pypi.simple.v1+json"}) as mirror:
        install = ("install", "--index-url", f"{mirror.url}/whl/cu128/")
        environment.run(*install, "xllamacpp>=2026")
        assert environment.installed()["xllamacpp"] == "2026.11.0+cu128"
        metadata = "xllamacpp-2026.11.0+cu128-cp311-abi3-manylinux_2_17_x86_64.whl.metadata"
        # Debian 12's pip knows it by its old name alone, and fails where that is there.
        assert (metadata in place.files.names()) == (not environment.name.startswith("pip 23.0"))
        assert REASON in environment.run(*install, "xllamacpp==2026.11.1+cu128")


def test_beside_the_public_index_the_whole_version_is_ours(place, environment):
    both = ("--index-url", place.public_url, "--extra-index-url", place.url("cu124"))
    environment.run("install", *both, "xllamacpp==2026.11.0+cu124")
    assert environment.installed()["xllamacpp"] == "2026.11.0+cu124"
    assert "click-999.0-py3-none-any.whl" in place.files.names()


def test_beside_the_public_index_pip_takes_the_other_project_where_its_number_is_higher(place, environment):
    # Why the landing page warns. uv stops at the first index that has the name, and --extra-index-url goes first.
    both = ("--index-url", place.public_url, "--extra-index-url", place.url("cu124"))
    environment.run("install", "--no-deps", *both, "xllamacpp")
    expected = "2026.11.0+cu124" if environment.name == "uv" else "2099.1.0"
    assert environment.installed()["xllamacpp"] == expected
