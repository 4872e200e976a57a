"""Models from the Hub: names, tokens, mirrors, the cache that it shares; on a server that speaks its protocol."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import huggingface_hub
import pytest

import xllamacpp as xlc
from hub_server import TOKEN, Fault, Repository
from python.hub_models import FILE, MMPROJ, Q4, Q8, add_repository, content, leftovers, pulling
from xllamacpp.models import find, hub_folder, resolve


@pytest.fixture
def repository(hub):
    return add_repository(hub)


TINY = content(1, 100)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/repo", Q4),
        ("org/repo:q8_0", Q8),
        ("hf://org/repo:Q8_0", Q8),
        ("org/repo@v1:Q8_0", Q8),
        ("hf://org/repo/model-Q8_0.gguf", Q8),
    ],
)
def test_a_name_becomes_a_file(repository, name, expected):
    path = resolve(name, progress=False)
    assert path.read_bytes() == expected
    assert leftovers() == []


def test_the_projector_that_belongs_to_a_model_comes_with_it(repository):
    found = find("org/repo")
    assert found.path.read_bytes() == Q4
    assert found.mmproj.read_bytes() == MMPROJ
    assert found.mmproj.parent == found.path.parent


def test_it_does_not_where_nobody_wants_it(hub, repository):
    assert find("org/repo", mmproj=False).mmproj is None
    resolve("org/repo:Q8_0")
    assert hub.ranges("mmproj") == []


def test_all_parts_of_a_split_model_are_fetched_and_the_first_is_given(hub):
    parts = {f"Q4/big-Q4_K_M-0000{number}-of-00003.gguf": content(number) for number in (1, 2, 3)}
    hub.repositories["org/big"] = Repository(parts)
    path = resolve("org/big")
    assert path.name == "big-Q4_K_M-00001-of-00003.gguf"
    assert {part.name: part.read_bytes() for part in path.parent.iterdir()} == {
        name.removeprefix("Q4/"): part for name, part in parts.items()
    }


def test_files_that_the_hub_keeps_in_git_are_checked_too(hub, waits):
    hub.repositories["org/small"] = Repository({FILE: TINY})
    path = resolve("org/small")
    assert path.read_bytes() == TINY
    assert path.resolve().name == hashlib.sha1(b"blob %d\0" % len(TINY) + TINY).hexdigest()


def test_other_programs_find_it_in_the_cache(hub, repository):
    path = resolve("org/repo")
    downloads = hub.ranges(FILE)
    theirs = huggingface_hub.hf_hub_download("org/repo", FILE, cache_dir=hub_folder(), endpoint=hub.address)
    assert Path(theirs) == path
    (cached,) = huggingface_hub.scan_cache_dir(hub_folder()).repos
    assert cached.refs["main"].commit_hash == repository.commit
    assert hub.ranges(FILE) == downloads


def test_what_other_programs_fetched_is_not_fetched_again(hub, repository):
    theirs = huggingface_hub.hf_hub_download("org/repo", FILE, cache_dir=hub_folder(), endpoint=hub.address)
    downloads = hub.ranges(FILE)
    assert resolve("org/repo") == Path(theirs)
    assert hub.ranges(FILE) == downloads


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME"])
def test_a_cache_that_the_user_has_is_shared(repository, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, str(tmp_path / "theirs"))
    path = resolve("org/repo")
    assert path.is_relative_to(tmp_path / "theirs" / ("hub" if variable == "HF_HOME" else ""))


def test_the_same_file_at_another_commit_is_fetched_once(hub, repository):
    first = resolve("org/repo")
    repository.files["README.md"] = b"another text"
    second = resolve("org/repo")
    assert first != second
    assert first.samefile(second)
    assert len(hub.ranges(FILE)) == 1


def test_an_unknown_repository_may_be_a_private_one_or_a_path(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(xlc.ModelNotFoundError) as caught:
        resolve("folder/missing")
    for part in (
        "no repository folder/missing",
        hub.address,
        "HF_TOKEN",
        "hf auth login",
        f"{tmp_path}/folder/missing",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("org/repo:Q9", r"org/repo:Q9: it has no quantization Q9 \(it has Q4_K_M, Q8_0\)"),
        ("hf://org/repo/model-Q4.gguf", r"did you mean model-Q4_K_M\.gguf"),
        ("org/repo@v2", "has no branch, tag or commit 'v2'"),
    ],
)
def test_what_a_repository_does_not_have_is_told_from_what_it_has(repository, name, message):
    with pytest.raises(xlc.ModelNotFoundError, match=message):
        resolve(name)


def test_a_private_repository_takes_a_token(hub, repository, tmp_path, monkeypatch):
    repository.access = "private"
    with pytest.raises(xlc.ModelNotFoundError, match="or it is private: give a token"):
        resolve("org/repo")
    assert resolve("org/repo", token=TOKEN).read_bytes() == Q4
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert resolve("org/repo:Q8_0").read_bytes() == Q8
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(TOKEN)
    assert find("org/repo").mmproj.read_bytes() == MMPROJ


def test_a_gated_one_says_where_its_terms_are(hub, repository, monkeypatch):
    repository.access = "gated"
    with pytest.raises(xlc.ModelDownloadError, match=r"^org/repo is gated: accept its terms at") as caught:
        resolve("org/repo")
    assert f"{hub.address}/org/repo" in str(caught.value)
    assert resolve("org/repo", token=TOKEN).read_bytes() == Q4


def test_a_gated_one_that_the_token_may_not_have_says_so(hub, repository):
    hub.faults = [Fault("/resolve/", status=403, headers={"X-Error-Code": "GatedRepo"})]
    with pytest.raises(xlc.ModelDownloadError, match="use a token of that account"):
        resolve("org/repo", token=TOKEN)


def test_a_token_that_is_wrong_is_said_to_be(repository):
    with pytest.raises(xlc.ModelDownloadError, match="refused the token"):
        resolve("org/repo", token="hf_another")


def test_a_refusal_without_a_reason_is_about_the_token(hub, repository):
    hub.faults = [Fault("hub:/api/models", times=2, status=401)]
    with pytest.raises(xlc.ModelNotFoundError, match="or it is private: give a token"):
        resolve("org/repo")
    with pytest.raises(xlc.ModelDownloadError, match="refused the token"):
        resolve("org/repo", token=TOKEN)


def test_the_token_stays_with_the_hub(hub, repository):
    resolve("org/repo", token=TOKEN)
    sent = {request.host for request in hub.requests if TOKEN in request.headers.get("authorization", "")}
    assert {request.host for request in hub.requests} == {"hub", "cdn"}
    assert sent == {"hub"}


def test_llama_cpps_name_for_the_mirror_works_too(hub, repository, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("MODEL_ENDPOINT", f"{hub.address}/")
    assert resolve("org/repo").read_bytes() == Q4


def test_a_mirror_that_is_none_is_said_to_be(hub):
    hub.faults = [Fault("hub:", status=200, body=b"<html>welcome</html>")]
    with pytest.raises(xlc.ModelDownloadError, match="is HF_ENDPOINT right"):
        resolve("org/repo")


def test_a_file_that_would_leave_the_cache_is_left_out(hub):
    hub.repositories["org/evil"] = Repository({"../../../evil-Q4_K_M.gguf": Q4, "good-Q8_0.gguf": Q8})
    assert resolve("org/evil").name == "good-Q8_0.gguf"


def test_offline_takes_what_the_cache_has(hub, repository):
    path = resolve("org/repo")
    found = find("org/repo", offline=True)
    hub.requests.clear()
    assert (found.path, found.mmproj) == (path, None)
    assert resolve("org/repo:Q4_K_M", offline=True) == path
    with pytest.raises(xlc.ModelNotFoundError, match="no quantization Q8_0"):
        resolve("org/repo:Q8_0", offline=True)
    with pytest.raises(xlc.ModelDownloadError, match="offline mode"):
        resolve("org/other", offline=True)
    assert hub.requests == []


def test_offline_mode_of_the_environment_counts(hub, repository):
    resolve("org/repo")
    hub.requests.clear()
    for name, status in (("org/repo", 0), ("org/other", 1)):
        program = subprocess.run(pulling(name), env={**os.environ, "HF_HUB_OFFLINE": "1"}, timeout=60)
        assert program.returncode == status
    assert hub.requests == []


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_hub_that_fails_does_not_take_away_what_is_here(hub, repository, capfd, status):
    path = resolve("org/repo")
    hub.faults = [Fault("hub:/api/models", status=status)]
    assert resolve("org/repo") == path
    assert "taking org/repo from the cache" in capfd.readouterr().err


def test_a_hub_that_is_gone_does_not_either(repository, monkeypatch):
    path = resolve("org/repo")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert resolve("org/repo") == path


def test_a_new_version_that_cannot_be_had_does_not_take_away_the_old_one(hub, repository, waits, capfd):
    path = resolve("org/repo")
    repository.files[FILE] = content(5)
    hub.faults = [Fault("cdn:", times=99, status=503)]
    assert resolve("org/repo") == path
    assert "taking org/repo from the cache" in capfd.readouterr().err
    hub.faults = []
    assert resolve("org/repo").read_bytes() == content(5)


def test_a_user_without_a_home_is_told_to_name_a_folder(hub, monkeypatch):
    # What Python answers for a user that the system does not know.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for name in ("XLLAMACPP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(xlc.ModelDownloadError, match="name a folder in XLLAMACPP_CACHE"):
        resolve("demo")
