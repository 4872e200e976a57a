"""The session that runs llama.cpp's suite on two servers tells where ours does not come as far."""

from __future__ import annotations

import io
import tarfile
import textwrap

import pytest

from llama_cpp_suite.__main__ import compare
from llama_cpp_suite.outcomes import Outcome
from llama_cpp_suite.running import Suite, SuiteError

# In the place of llama.cpp's: it asks the server for a word.
SERVER_TEST = """
    import os, pathlib, subprocess, pytest

    def ask():
        return subprocess.run([os.environ["LLAMA_SERVER_BIN_PATH"], "a word"], capture_output=True, text=True).stdout
"""

PASSING = "def test_passes():\n    assert ask()\n\n"


@pytest.fixture
def suites(tmp_path, monkeypatch):
    """Make both suites of the tests that a test writes; the servers answer with their names."""
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "7")

    def make(tests, parts=("models/templates/a.jinja", "tools/mtmd/test-1.jpeg")):
        files = dict.fromkeys(parts, "") | {
            "tools/server/tests/unit/test_word.py": textwrap.dedent(SERVER_TEST) + textwrap.dedent(tests)
        }
        sdist = tmp_path / "name-1.tar.gz"
        with tarfile.open(sdist, "w:gz") as archive:
            for path, content in files.items():
                member = tarfile.TarInfo(f"name-1/vendor/llama.cpp/{path}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content.encode()))
        return [
            Suite(sdist, "vendor/llama.cpp", ["echo", server], tmp_path / server, {}) for server in ("theirs", "ours")
        ]

    return make


def test_where_both_come_as_far_the_comparison_passes(suites, capfd):
    both = suites(
        """
        def test_passes():
            assert ask().endswith("a word\\n")

        def test_fails():
            assert ask() == "another word"

        def test_is_skipped():
            pytest.skip("not here")

        @pytest.mark.slow
        def test_is_slow():
            raise AssertionError
        """
    )
    assert not compare(*both)
    told = capfd.readouterr().out
    assert "3 tests of llama.cpp's server" in told
    assert "  llama-server:      1 passed, 1 failed, 1 skipped\n" in told
    assert "  xllamacpp serve:   1 passed, 1 failed, 1 skipped\n" in told
    assert "came as far as llama-server everywhere" in told


@pytest.mark.parametrize(
    "test",
    [
        "def test_it():\n    assert ask().startswith('theirs')",
        "def test_it():\n    assert ask().startswith('theirs')\n    assert not ask()",
        "def test_it():\n    if ask().startswith('ours'): pytest.skip('no')",
        "@pytest.fixture\ndef begun():\n    assert ask()[0] == 't'\n\ndef test_it(begun):\n    assert not ask()",
    ],
    ids=["fails where the other passes", "fails earlier", "is skipped", "does not begin"],
)
def test_a_test_that_comes_less_far_with_ours_fails_the_comparison(suites, capfd, test):
    assert compare(*suites(textwrap.indent(PASSING + test, " " * 4)))
    told = capfd.readouterr().out
    assert "llama-server came further than xllamacpp serve in 1:\n  unit/test_word.py::test_it\n" in told


def test_a_test_that_comes_further_with_ours_is_told_and_fails_nothing(suites, capfd):
    test = "def test_it():\n    assert ask().startswith('ours')"
    assert not compare(*suites(textwrap.indent(PASSING + test, " " * 4)))
    told = capfd.readouterr().out
    assert "xllamacpp serve came further than llama-server:\n  unit/test_word.py::test_it\n" in told


def test_a_test_that_comes_as_far_the_second_time_is_told_and_fails_nothing(suites, capfd):
    both = suites(
        """
        def test_it():
            before = pathlib.Path("tmp/before")
            is_first = not before.exists()
            before.touch()
            assert ask().startswith("theirs") or not is_first
        """
    )
    assert not compare(*both)
    assert "unsteady, as far the second time:\n  unit/test_word.py::test_it\n" in capfd.readouterr().out


def test_where_llama_cpps_server_passes_nothing_nothing_is_compared(suites):
    both = suites("    def test_it():\n        assert not ask()")
    with pytest.raises(SuiteError, match="llama-server itself passes none"):
        compare(*both)


def test_settings_of_this_user_do_not_reach_the_servers(suites):
    both = suites("    def test_it():\n        assert 'LLAMA_ARG_CTX_SIZE' not in os.environ")
    assert both[1].run() == {"unit/test_word.py::test_it": Outcome("passed")}


def test_a_suite_that_does_not_come_to_its_end_is_an_error(suites):
    both = suites("    import there_is_no_such_module")
    with pytest.raises(SuiteError, match="pytest ended with 2"):
        both[1].run()


def test_an_archive_without_the_suite_is_an_error(suites):
    with pytest.raises(SuiteError, match="lacks models/templates"):
        suites("", parts=("tools/mtmd/test-1.jpeg",))
