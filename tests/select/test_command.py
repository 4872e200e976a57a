"""``python -m xllamacpp.select`` and ``xllamacpp select``: on this machine, and where little of the package is left."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import xllamacpp
from xllamacpp.cli import main
from xllamacpp.select import Machine, command
from xllamacpp.select.source import Interpreter

PACKAGE = Path(xllamacpp.__file__).parent
OLDEST = (3, 8)


@pytest.fixture
def run(tmp_path):
    def run(*command, **environment):
        return subprocess.run(
            [*map(str, command)],
            # Not the checkout, where -m would look first.
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            env={**os.environ, **environment},
        )

    return run


@pytest.fixture
def broken(tmp_path):
    """Copy the installed package without its compiled parts, and return the environment that has Python take it."""
    environment = copy_sources(tmp_path)
    (tmp_path / "xllamacpp/_native/_core.abi3.so").write_bytes(b"\x7fELF of another machine")
    return environment


def facts(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_this_machine_gets_an_answer(run):
    done = run(sys.executable, "-m", "xllamacpp", "select")
    assert done.returncode == 0, done.stderr
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert titles[:4] == ["This machine", "With pip", "With Docker", "Not taken"]
    assert re.search(r"\n    .* pip install (--python \S+ )?--index-url SITE/whl/", done.stdout)
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


@pytest.fixture
def made_up(monkeypatch):
    """Put a machine in place of this one; its system has a name that is no UTF-8."""
    python = Interpreter("Linux", "x86_64", "glibc 2.39", "3.12.3", "CPython", False)
    monkeypatch.setattr(command, "read_machine", lambda: Machine(python, release="Syst\N{REPLACEMENT CHARACTER}me"))


@pytest.mark.parametrize(
    ("site", "url"),
    [
        ("https://packages.example/here", "https://packages.example/here/whl/cpu/"),
        ("https://packages.example/here/", "https://packages.example/here/whl/cpu/"),
        # The page for people, as it is in a browser.
        ("https://packages.example/here/whl/", "https://packages.example/here/whl/cpu/"),
        ("https://packages.example/whl/index.html", "https://packages.example/whl/cpu/"),
        ("file:///srv/my index", "'file:///srv/my index/whl/cpu/'"),
        ("https://packages.example/?a&b", "'https://packages.example/?a&b/whl/cpu/'"),
    ],
)
def test_any_address_of_the_site_will_do(made_up, site, url):
    text, status = command.answer(as_json_text=False, site=site)
    assert status == 0
    assert f" --index-url {url} xllamacpp==" in text
    assert "SITE" not in text


@pytest.mark.parametrize("name", ["xlc", "registry.example/xlc"])
def test_an_image_that_no_registry_has_is_to_be_built_first(made_up, name):
    text, _ = command.answer(as_json_text=False, site=None, environment={"XLLAMACPP_IMAGE": name})
    assert f" {name}:cpu-generic" in text
    assert ("first build the image" in text) == ("/" not in name)


def select_as_module():
    command.main([])


def select_as_command():
    main(["select"], standalone_mode=False)


@pytest.mark.parametrize(
    ("program", "encoding"),
    [
        (select_as_module, "ascii"),
        (select_as_module, "cp1252"),
        # Click takes ASCII for a mistake, and writes UTF-8.
        (select_as_command, "latin-1"),
        (select_as_command, "cp1252"),
    ],
)
def test_what_the_output_cannot_show_is_a_question_mark(made_up, monkeypatch, program, encoding):
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)
    program()
    output.flush()
    assert b"Syst?me" in output.buffer.getvalue()


@pytest.mark.parametrize("words", [["-m", "xllamacpp.select"], ["-m", "xllamacpp", "select"]])
def test_help_names_the_variable_of_the_images(run, words):
    assert "XLLAMACPP_IMAGE" in run(sys.executable, *words, "--help").stdout


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
    assert last.startswith("ImportError: the compiled core of xllamacpp cannot be loaded: ")
    assert last.endswith(f"{sys.executable} -m xllamacpp.select")


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


def find_python(run, minor):
    python = shutil.which(f"python3.{minor}")
    if not python or run(python, "--version").returncode:
        pytest.skip(f"there is no Python 3.{minor} here")
    return python


@pytest.mark.parametrize("minor", range(OLDEST[1], 11))
def test_it_answers_on_an_older_python_that_is_here(run, tmp_path, minor):
    python = find_python(run, minor)
    answer = facts(run(python, "-I", copy_folder(tmp_path), "--json"))
    assert answer["pip"]["commands"][0].startswith("uv venv --python 3.")


def copy_sources(folder):
    """Copy the package as a checkout has it: without what is compiled."""
    ignored = shutil.ignore_patterns("*.so", "lib", "__pycache__")
    shutil.copytree(PACKAGE, folder / "xllamacpp", ignore=ignored)
    return {"PYTHONPATH": str(folder)}


def test_it_answers_from_a_checkout_where_python_does_not_tell_how_it_was_called(run, tmp_path):
    # Python 3.9 and older.
    (tmp_path / "sitecustomize.py").write_text("import sys\ndel sys.orig_argv\n")
    done = run(sys.executable, "-m", "xllamacpp.select", "--json", **copy_sources(tmp_path))
    assert facts(done)["docker"]["row"]


@pytest.mark.parametrize("minor", range(OLDEST[1], 11))
def test_it_answers_from_a_checkout_on_an_older_python_that_is_here(run, tmp_path, minor):
    python = find_python(run, minor)
    assert facts(run(python, "-m", "xllamacpp.select", "--json", **copy_sources(tmp_path)))["docker"]["row"]


@pytest.mark.parametrize("path", sorted((PACKAGE / "select").glob("*.py")), ids=lambda path: path.name)
def test_its_words_are_known_to_an_old_python(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in imports if isinstance(node, ast.ImportFrom) and not node.level]
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)
