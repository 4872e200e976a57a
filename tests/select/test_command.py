"""``python -m xllamacpp.select`` and ``xllamacpp select``: on this machine, and where little of the package is left."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import xllamacpp
from stub_libraries import make_library

PACKAGE = Path(xllamacpp.__file__).parent
OLDEST = (3, 8)


@pytest.fixture
def run():
    def run(*command, **environment):
        return subprocess.run(
            [*map(str, command)],
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            env={**os.environ, **environment},
        )

    return run


@pytest.fixture
def broken(tmp_path):
    """Copy the installed package without its compiled parts, and return the environment that has Python take it."""
    ignored = shutil.ignore_patterns("*.so", "lib", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "xllamacpp", ignore=ignored)
    (tmp_path / "xllamacpp/_native/_core.abi3.so").write_bytes(b"\x7fELF of another machine")
    return {"PYTHONPATH": str(tmp_path)}


def facts(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_this_machine_gets_an_answer(run):
    done = run(sys.executable, "-m", "xllamacpp", "select")
    assert done.returncode == 0, done.stderr
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert titles[:4] == ["This machine", "With pip", "With Docker", "Not taken"]
    assert "\n    pip install --index-url SITE/whl/" in done.stdout
    assert "\n    docker run -p " in done.stdout
    assert "SITE/ stands for the address of the package index" in done.stdout
    module = run(sys.executable, "-m", "xllamacpp.select")
    assert (module.stdout, module.returncode) == (done.stdout, 0)


def test_as_json_it_is_one_object_of_facts(run):
    answer = facts(run(sys.executable, "-m", "xllamacpp", "select", "--json"))
    assert answer["machine"]["interpreter"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert answer["pip"]["row"]
    assert {"row", "ways", "reason", "would_run"} == set(answer["rejected"][0])
    assert {"libc.so.6"} <= set(answer["machine"]["libraries"])


@pytest.mark.parametrize("command", [["-m", "xllamacpp", "select"], ["-m", "xllamacpp.select"]])
def test_the_site_and_the_images_name_can_be_given(run, command):
    done = run(
        *(sys.executable, *command, "--site", "https://packages.example/here"),
        XLLAMACPP_IMAGE="registry.example/xlc",
    )
    assert " --index-url https://packages.example/here/whl/" in done.stdout
    assert " registry.example/xlc:" in done.stdout
    assert "SITE" not in done.stdout


def test_help_of_the_module_has_examples(run):
    done = run(sys.executable, "-m", "xllamacpp.select", "--help")
    assert done.stdout.startswith("usage: python -m xllamacpp.select ")
    assert done.stdout.count("python -m xllamacpp.select") > 2
    assert run(sys.executable, "-m", "xllamacpp.select", "--jsno").returncode == 2


@pytest.mark.parametrize("command", [["-m", "xllamacpp.select"], ["-mxllamacpp.select"], ["-Pm", "xllamacpp.select"]])
def test_it_answers_where_the_core_cannot_be_loaded(run, broken, command):
    assert facts(run(sys.executable, *command, "--json", **broken))["docker"]["row"]


@pytest.mark.parametrize("command", [["-c", "import xllamacpp"], ["-m", "xllamacpp", "info"]])
def test_the_error_of_a_core_that_cannot_be_loaded_names_it(run, broken, command):
    done = run(sys.executable, *command, **broken)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "Install" not in last
    assert last.startswith("ImportError: the compiled core of xllamacpp cannot be loaded: ")
    assert last.endswith(f"{sys.executable} -m xllamacpp.select")


def test_a_core_that_lacks_openssl_names_the_package_that_brings_it(run, broken, tmp_path):
    # A name that no system has: OpenSSL's own may be here.
    lacking = make_library(tmp_path / "libssl.so.3.absent", 1)
    make_library(tmp_path / "xllamacpp/_native/_core.abi3.so", 2, needs=[lacking])
    lacking.unlink()
    done = run(sys.executable, "-c", "import xllamacpp", **broken)
    assert "libssl.so.3.absent: cannot open" in done.stderr
    assert "Install OpenSSL 3 (Debian, Ubuntu: libssl3; Fedora: openssl-libs)." in done.stderr.splitlines()[-1]


def test_nothing_but_the_module_itself_does_without_the_core(run):
    code = "import xllamacpp; print(xllamacpp.__version__)"
    assert run(sys.executable, "-c", code, "xllamacpp.select").stdout.strip() == xllamacpp.__version__


def copy_folder(folder):
    shutil.copytree(PACKAGE / "select", folder / "select", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "select"


def make_zip(folder):
    zipapp.create_archive(copy_folder(folder), folder / "select.pyz")
    return folder / "select.pyz"


@pytest.mark.parametrize("make", [copy_folder, make_zip])
def test_it_answers_alone_with_nothing_installed(run, tmp_path, make):
    # -I: nothing around it is found; -S: nothing that is installed is; -W error: nothing is complained of.
    done = run(sys.executable, "-I", "-S", "-W", "error", make(tmp_path), "--json")
    assert facts(done)["docker"]["row"]


@pytest.mark.parametrize("minor", range(OLDEST[1], 11))
def test_it_answers_on_an_older_python_that_is_here(run, tmp_path, minor):
    python = shutil.which(f"python3.{minor}")
    if not python or run(python, "--version").returncode:
        pytest.skip(f"there is no Python 3.{minor} here")
    answer = facts(run(python, "-I", copy_folder(tmp_path), "--json"))
    assert answer["pip"]["commands"][0].startswith("uv venv --python 3.")


@pytest.mark.parametrize("path", sorted((PACKAGE / "select").glob("*.py")), ids=lambda path: path.name)
def test_its_words_are_known_to_an_old_python(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in imports if isinstance(node, ast.ImportFrom) and not node.level]
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)
