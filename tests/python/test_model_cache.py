"""What the cache holds, and how to get rid of it."""

from __future__ import annotations

import os
import random

import filelock
import huggingface_hub
import pytest

import xllamacpp as xlc
from hub_server import Fault, Repository
from xllamacpp.models import KNOWN, cache_folder, find, hub_folder, pull, resolve
from xllamacpp.models.contents import contents, removal
from xllamacpp.models.folders import web_folder
from xllamacpp.models.known import lock_path


def content(seed, size=2000):
    return b"GGUF" + random.Random(seed).randbytes(size)


SPLIT = {f"big-Q4_K_M-0000{part}-of-00002.gguf": content(part) for part in (1, 2)}


@pytest.fixture
def repository(hub):
    files = {
        "m-Q4_K_M.gguf": content(4),
        "m-Q8_0.gguf": content(8),
        "mmproj-F16.gguf": content(16),
        "README.md": b"text",
    }
    hub.repositories["org/repo"] = Repository(files)
    return hub.repositories["org/repo"]


@pytest.fixture
def full(hub, repository):
    """A cache with something of each kind."""
    hub.repositories["org/big"] = Repository(dict(SPLIT))
    hub.web["/files/w.gguf"] = content(30)
    url = f"{hub.address}/files/w.gguf"
    for name in ("org/repo", "org/repo:Q8_0", "org/big", url):
        pull(name, progress=False)
    demo = KNOWN["demo"].path
    demo.parent.mkdir(parents=True)
    demo.write_bytes(b"GGUF")
    return url


def names():
    return [model.name for model in contents()]


def test_an_empty_cache_has_nothing(hub):
    assert contents() == []


def test_it_shows_what_model_takes(full):
    assert names() == ["demo", full, "org/big:Q4_K_M", "org/repo:Q4_K_M", "org/repo:Q8_0"]
    for model in contents():
        if model.name != "demo":
            assert resolve(model.name, offline=True, progress=False) == model.paths[0]


def test_it_shows_sizes_and_all_parts(full):
    by_name = {model.name: model for model in contents()}
    assert by_name["org/big:Q4_K_M"].size == 2 * 2004
    assert [path.name for path in by_name["org/big:Q4_K_M"].paths] == list(SPLIT)
    assert by_name["org/repo:Q8_0"].size == 2004
    assert all(model.is_whole for model in by_name.values())


def test_it_shows_when_a_model_was_used(full):
    os.utime(KNOWN["demo"].path, (1_000_000_000, 900_000_000))
    (demo,) = [model for model in contents() if model.name == "demo"]
    assert demo.used == 1_000_000_000


def test_a_file_that_no_quantization_stands_for_has_its_own_name(hub):
    hub.repositories["org/odd"] = Repository({"a/x-Q4_0.gguf": content(1), "b/x-Q4_0.gguf": content(2)})
    for name in ("a/x", "b/x"):
        resolve(f"hf://org/odd/{name}-Q4_0.gguf")
    assert names() == ["hf://org/odd/b/x-Q4_0.gguf", "org/odd:Q4_0"]


def test_another_revision_is_named(hub, repository):
    resolve("org/repo@v1")
    assert names() == ["org/repo@v1:Q4_K_M"]
    resolve(f"org/repo@{repository.commit}:Q8_0")
    resolve("org/repo")
    assert names() == ["org/repo:Q4_K_M", "org/repo:Q8_0"], "one commit, which main is at too"


def test_a_commit_that_has_the_same_file_is_not_shown_twice(repository):
    resolve("org/repo")
    repository.files["README.md"] = b"news"
    resolve("org/repo")
    assert names() == ["org/repo:Q4_K_M"]


def test_what_is_not_whole_is_shown_as_such(hub, repository, waits):
    hub.web["/files/w.gguf"] = content(30, 200_000)
    hub.web_headers = {"ETag": '"x"'}
    repository.files["m-Q4_K_M.gguf"] = content(5, 200_000)
    url = f"{hub.address}/files/w.gguf"
    hub.faults = [Fault("w.gguf", cut_at=0), *(Fault(where, cut_at=100_000) for where in ("w.gguf", "cdn:"))]
    hub.faults += [Fault(where, times=99, status=404) for where in ("w.gguf", "cdn:")]
    for name in (url, "org/repo"):
        with pytest.raises(xlc.ModelError):
            resolve(name)
    shown = {model.name: (model.size, model.is_whole) for model in contents()}
    assert shown == {url: (100_000, False), "org/repo": (100_000, False)}
    for name in shown:
        removal(name).execute()
    assert contents() == []


def test_a_removed_model_is_gone_and_the_others_are_not(full):
    for name in names():
        others = [other for other in names() if other != name]
        plan = removal(name)
        assert plan.name == name
        plan.execute()
        assert names() == others


def test_nothing_is_left_of_what_was_removed(full):
    for name in names():
        removal(name).execute()
    left = [path for path in cache_folder().parent.rglob("*") if path.is_file() and ".locks" not in path.parts]
    assert left == []
    assert [path for path in web_folder().rglob("*") if path.suffix == ".gguf"] == []


def test_a_repository_stands_for_all_of_its_models(full):
    assert removal("org/repo").size == 3 * 2004
    removal("org/repo").execute()
    assert "org/repo" not in " ".join(names())


def test_the_projector_goes_with_the_last_model_only(repository):
    find("org/repo")
    projector = find("org/repo:Q8_0").mmproj
    removal("org/repo:Q8_0").execute()
    assert projector.exists()
    removal("org/repo:Q4_K_M").execute()
    assert not projector.exists()
    assert not (hub_folder() / "models--org--repo").exists()


def test_a_file_that_two_commits_have_is_removed_from_both(repository):
    first = resolve("org/repo")
    repository.files["README.md"] = b"news"
    second = resolve("org/repo")
    removal("org/repo:Q4_K_M").execute()
    assert not first.exists()
    assert not second.exists()
    assert contents() == []


def test_what_other_programs_keep_there_stays(hub, repository):
    theirs = huggingface_hub.hf_hub_download("org/repo", "README.md", cache_dir=hub_folder(), endpoint=hub.address)
    model = resolve("org/repo")
    dataset = hub_folder() / "datasets--org--repo" / "snapshots" / "0" / "x.gguf"
    dataset.parent.mkdir(parents=True)
    dataset.write_bytes(b"theirs")
    unknown = [hub_folder() / "notes.txt", cache_folder() / "notes.txt", web_folder() / "host" / "key" / "notes.gguf"]
    for path in unknown:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"somebody's")
    assert names() == ["org/repo:Q4_K_M"]
    removal("org/repo").execute()
    assert not model.exists()
    for path in (theirs, dataset, *unknown):
        assert os.path.exists(path)  # noqa: PTH110  one is a text


def test_what_is_not_there_is_told_from_the_nearest(full):
    with pytest.raises(xlc.ModelNotFoundError, match="did you mean org/repo:Q8_0"):
        removal("org/repo:Q8")
    for name in ("dmeo", "/etc/passwd", "../..", "hf://org/repo/README.md", "https://example.org/x.gguf"):
        with pytest.raises(xlc.ModelNotFoundError, match="there is no model"):
            removal(name)


def test_what_is_being_fetched_is_not_removed(full):
    (web_lock,) = web_folder().rglob("*.lock")
    hub_lock = next((hub_folder() / ".locks" / "models--org--repo").glob("*.lock"))
    for name, lock in (("demo", lock_path(KNOWN["demo"])), (full, web_lock), ("org/repo", hub_lock)):
        plan = removal(name)
        with filelock.FileLock(lock), pytest.raises(xlc.ModelError, match="is being fetched"):
            plan.execute()
    assert len(names()) == 5


def test_a_cache_that_cannot_be_written_says_so(full, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    for name in names():
        with pytest.raises(xlc.ModelError, match="could not be removed"):
            removal(name).execute()
