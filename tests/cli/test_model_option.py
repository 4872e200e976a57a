"""The options that name models: a repository or an address in the place of a file."""

from __future__ import annotations

import json
import threading
import urllib.request

import pytest

import models
import xllamacpp as xlc
from hub_server import TOKEN, Fault, Repository
from xllamacpp.cli.model_option import resolve_models, take_presets

TYPES = xlc.common_speculative_type


@pytest.fixture
def repository(hub):
    """A repository with a model that runs, another, and what may lie beside them."""
    model = models.tiny(models.TINY).read_bytes()
    files = {"t-Q4_K_M.gguf": model, "t-Q8_0.gguf": model + bytes(32), "mmproj-F16.gguf": b"GGUF-mmproj"}
    hub.repositories["org/tiny"] = Repository(files)
    return hub.repositories["org/tiny"]


def resolved(*arguments):
    params = xlc.CommonParams.from_args(list(arguments))
    resolve_models(params)
    return params


def names_nothing_else(model):
    return not (model.hf_repo or model.hf_file or model.url)


def request(address, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data), timeout=300) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("arguments", "environment", "name"),
    [
        (["--model", "org/tiny:Q8_0"], {}, "org/tiny:Q8_0"),
        (["-hf", "org/tiny:Q8_0"], {}, "org/tiny:Q8_0"),
        ([], {"MODEL": "hf://org/tiny:Q8_0"}, "org/tiny:Q8_0"),
        ([], {"LLAMA_ARG_HF_REPO": "org/tiny:Q8_0"}, "org/tiny:Q8_0"),
    ],
)
def test_a_served_model_answers(start, repository, arguments, environment, name):
    small = ["--port", "0", "--ctx-size", "128", "--parallel", "1", "--no-mmproj"]
    process = start("serve", *arguments, *small, environment=environment)
    line = process.stdout.readline()
    assert line.startswith("listening on"), process.stderr.read()
    address = line.split()[-1]
    (served,) = request(address, "/v1/models")["data"]
    assert served["id"] == name
    answer = request(address, "/v1/completions", {"prompt": "a", "max_tokens": 3})
    assert answer["usage"]["completion_tokens"] == 3
    assert request(address, "/props")["model_path"].endswith("/t-Q8_0.gguf")
    process.terminate()
    assert process.wait(60) == 0


def listings(hub, repository):
    return hub.find(f"/api/models/{repository}/")


def test_the_hub_is_asked_once_what_a_repository_holds(start, hub, repository):
    hub.repositories["org/draft"] = Repository({"d-Q4_K_M.gguf": models.tiny(models.TINY_DRAFT).read_bytes()})
    small = ["--port", "0", "--ctx-size", "128", "--parallel", "1", "--no-mmproj"]
    process = start("serve", "--hf-repo", "org/tiny:Q8_0", "--hf-repo-draft", "org/draft", *small)
    line = process.stdout.readline()
    assert line.startswith("listening on"), process.stderr.read()
    process.terminate()
    assert process.wait(60) == 0
    assert [len(listings(hub, name)) for name in ("org/tiny", "org/draft")] == [1, 1]


def test_a_model_that_stands_beside_presets_is_looked_for_by_its_own_name(hub, repository):
    hub.repositories["org/presets"] = Repository({"preset.ini": b"[tale]\nn-predict = 3\n"})
    params = xlc.CommonParams.from_args(["--model", "org/tiny:Q8_0", "--hf-repo", "org/presets"])
    resolve_models(params, take_presets(params))
    assert params.model.path.endswith("/t-Q8_0.gguf")


def test_a_signal_ends_it_while_it_fetches(start, hub, repository):
    hub.faults = [Fault("cdn:", wait=threading.Event())]
    process = start("serve", "--model", "org/tiny", "--port", "0")
    assert hub.sent_half.wait(60)
    process.terminate()
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "")
    assert "stopped\n" in errors
    assert "Traceback" not in errors


def test_a_completion_takes_a_name_too(run, repository):
    result = run("complete", "--model", "org/tiny", "a", "--max-tokens", "3", "--n-ctx", "128")
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["--model", "org/tiny"], "t-Q4_K_M.gguf"),
        (["--hf-repo", "org/tiny:q8_0"], "t-Q8_0.gguf"),
        (["--hf-repo", "org/tiny:Q4_K_M", "--hf-file", "t-Q8_0.gguf"], "t-Q8_0.gguf"),
        (["--model", "some.gguf", "--hf-repo", "org/tiny"], "t-Q4_K_M.gguf"),
    ],
)
def test_the_file_takes_the_place_of_the_name(repository, arguments, file):
    params = resolved(*arguments)
    assert params.model.path.endswith(f"/{file}")
    assert names_nothing_else(params.model)
    assert params.mmproj.path.endswith("/mmproj-F16.gguf")


def test_the_file_of_an_address_does_too(hub):
    hub.web["/files/m.gguf"] = b"GGUF-model"
    params = resolved("--model-url", f"{hub.address}/files/m.gguf")
    assert params.model.path.endswith("/m.gguf")
    assert names_nothing_else(params.model)
    assert list(params.model_alias) == ["m.gguf"]


def test_an_address_with_a_path_is_left_to_llama_cpp(hub):
    params = resolved("--model-url", f"{hub.address}/files/m.gguf", "--model", "here.gguf")
    assert (params.model.path, params.model.url) == ("here.gguf", f"{hub.address}/files/m.gguf")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("arguments", "projector"), [(["--no-mmproj"], ""), (["--mmproj", "/some/mmproj.gguf"], "/some/mmproj.gguf")]
)
def test_no_projector_is_fetched_where_there_is_one_or_none_is_wanted(hub, repository, arguments, projector):
    params = resolved("--model", "org/tiny", *arguments)
    assert params.mmproj.path == projector
    assert hub.find("mmproj") == []


def test_a_projector_can_be_named(hub, repository):
    hub.web["/files/p.gguf"] = b"GGUF-projector"
    url = f"{hub.address}/files/p.gguf"
    assert resolved("--model", "org/tiny", "--mmproj-url", url).mmproj.path.endswith("/p.gguf")
    named = resolved("--model", "org/tiny", "--mmproj", "hf://org/tiny/mmproj-F16.gguf")
    assert named.mmproj.path.endswith("/mmproj-F16.gguf")


def test_the_token_and_offline_mode_of_llama_cpp_count(hub, repository):
    repository.access = "private"
    with pytest.raises(xlc.ModelNotFoundError):
        resolved("--model", "org/tiny")
    online = resolved("--model", "org/tiny", "--hf-token", TOKEN)
    hub.requests.clear()
    assert resolved("--model", "org/tiny", "--offline").model.path == online.model.path
    assert hub.requests == []


def test_an_alias_of_the_users_stays(repository):
    assert list(resolved("--model", "org/tiny", "--alias", "mine").model_alias) == ["mine"]
    assert list(resolved("--model", "org/tiny").model_alias) == ["org/tiny"]


def test_a_file_keeps_llama_cpps_name(tmp_path):
    file = tmp_path / "m.gguf"
    file.touch()
    assert list(resolved("--model", str(file)).model_alias) == []


def test_a_draft_can_be_named_in_each_way(hub, repository):
    hub.repositories["org/draft"] = Repository({"d-Q4_K_M.gguf": b"GGUF-draft", "d-Q8_0.gguf": b"GGUF-draft-8"})
    for arguments in (["--hf-repo-draft", "org/draft:Q8_0"], ["--model-draft", "org/draft:Q8_0"]):
        draft = resolved("--model", "org/tiny", *arguments).speculative.draft.mparams
        assert draft.path.endswith("/d-Q8_0.gguf")
        assert names_nothing_else(draft)
    named = resolved("-m", "org/tiny", "-hfd", "org/draft", "-md", "d-Q8_0.gguf").speculative.draft.mparams
    assert named.path.endswith("/d-Q8_0.gguf")


def test_a_repository_of_draft_heads_tells_how_to_draft(hub, repository):
    hub.repositories["org/heads"] = Repository({"eagle3-d.gguf": b"GGUF-e", "mtp-d.gguf": b"GGUF-m"})
    params = resolved("--model", "org/tiny", "--hf-repo-draft", "org/heads")
    assert params.speculative.draft.mparams.path.endswith("/mtp-d.gguf")
    assert list(params.speculative.types) == [TYPES.COMMON_SPECULATIVE_TYPE_DRAFT_MTP]
    params = resolved("--model", "org/tiny", "--hf-repo-draft", "org/heads", "--spec-type", "draft-eagle3")
    assert params.speculative.draft.mparams.path.endswith("/eagle3-d.gguf")


def test_a_head_beside_the_model_is_taken_where_it_is_asked_for(hub, repository):
    repository.files["mtp-t-Q4_K_M.gguf"] = b"GGUF-head"
    assert resolved("--model", "org/tiny").speculative.draft.mparams.path == ""
    params = resolved("--model", "org/tiny", "--spec-type", "draft-mtp")
    assert params.speculative.draft.mparams.path.endswith("/mtp-t-Q4_K_M.gguf")


def test_a_model_that_cannot_be_had_ends_serve_with_one_message(run, hub):
    result = run("serve", "--model", "org/other")
    assert result.returncode == 3
    assert "Error: there is no repository org/other" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_model_at_all_says_how_to_give_one(run):
    result = run("serve")
    assert result.returncode == 2
    for part in ("--model", "org/repo:quantization", "https://", "demo", "MODEL"):
        assert part in result.stderr
