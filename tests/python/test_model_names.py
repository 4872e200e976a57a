"""The ways to name a model."""

from __future__ import annotations

import pytest

import xllamacpp as xlc
from xllamacpp.models.names import HubName, WebName, hub_name, parse, public_url

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org/repo", HubName("org/repo")),
        ("org/repo:Q8_0", HubName("org/repo", quant="Q8_0")),
        ("org/repo@v1.0", HubName("org/repo", "v1.0")),
        (f"Org-1/Repo.2_x@{COMMIT}:q4_k_m", HubName("Org-1/Repo.2_x", COMMIT, "q4_k_m")),
        ("org/repo@refs/pr/7:Q8_0", HubName("org/repo", "refs/pr/7", "Q8_0")),
        ("hf://org/repo", HubName("org/repo")),
        ("hf://org/repo.gguf", HubName("org/repo.gguf")),
        ("hf://org/repo:Q8_0", HubName("org/repo", quant="Q8_0")),
        ("hf://org/repo@v1/a/b.gguf", HubName("org/repo", "v1", file="a/b.gguf")),
        ("hf://org/repo@refs/pr/7/b.gguf", HubName("org/repo", "refs/pr/7", file="b.gguf")),
        ("https://huggingface.co/org/repo", HubName("org/repo")),
        ("https://hf.co/org/repo:Q8_0", HubName("org/repo", quant="Q8_0")),
        ("https://huggingface.co/org/repo/blob/main/a/b%20c.gguf", HubName("org/repo", file="a/b c.gguf")),
        ("https://huggingface.co/org/repo/resolve/v1/b.gguf?download=true", HubName("org/repo", "v1", file="b.gguf")),
        ("https://example.org/a/b.gguf", WebName("https://example.org/a/b.gguf")),
        ("HTTP://example.org:8080/b.gguf?x=1", WebName("http://example.org:8080/b.gguf?x=1")),
        (f"https://example.org/b.gguf#sha256={'AB' * 32}", WebName("https://example.org/b.gguf", "ab" * 32)),
        ("https://example.org/b.gguf#top", WebName("https://example.org/b.gguf")),
    ],
)
def test_a_name_is_read(text, name):
    assert parse(text) == name


@pytest.mark.parametrize(
    "text",
    ["model.gguf", "folder/model.gguf", "a/b/c", "./a/b", "../a", "/a/b", "~/a", "demo", "", "a b/c"],
)
def test_what_can_only_be_a_path_is_no_name(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hf://repo", "is no model on the Hub"),
        ("hf://org/repo:Q8_0/b.gguf", "is no model on the Hub"),
        ("https://", "is no address"),
        ("https://[::1/b.gguf", "is no address"),
        ("https://example.org:port/b.gguf", "is no address"),
        ("https://example.org/b.gguf#sha256=12", "is no hash"),
        (f"https://example.org/b-00001-of-00002.gguf#sha256={'ab' * 32}", "one of several files"),
    ],
)
def test_what_begins_like_an_address_and_is_none_is_an_error(text, message):
    with pytest.raises(xlc.ModelNotFoundError, match=message):
        parse(text)


@pytest.mark.parametrize("text", ["org/repo", "org/repo@v1:Q8_0", "hf://org/repo@v1/a/b.gguf"])
def test_a_name_is_written_as_it_is_read(text):
    assert str(parse(text)) == text
    assert parse(parse(text).uri) == parse(text)


def test_the_address_of_a_mirrors_page_is_a_repository(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hub")
    assert parse("https://mirror.example/org/repo") == WebName("https://mirror.example/org/repo")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert parse("https://mirror.example/org/repo") == HubName("org/repo")


def test_llama_cpps_two_options_make_one_name():
    assert hub_name("org/repo:Q8_0") == HubName("org/repo", quant="Q8_0")
    assert hub_name("org/repo:Q8_0", "b.gguf") == HubName("org/repo", file="b.gguf")
    with pytest.raises(xlc.ModelNotFoundError, match="no repository"):
        hub_name("repo")


def test_what_only_the_owner_shall_see_is_not_shown():
    url = "https://user:secret@example.org:1234/b.gguf?signature=secret"
    assert public_url(url) == str(WebName(url)) == "https://example.org:1234/b.gguf"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("https://example.org/a/b.gguf?x=1", "b.gguf"),
        ("https://example.org/%2e%2e%2fb.gguf", "b.gguf"),
        ("https://example.org/a%20b%00.gguf", "a_b_.gguf"),
        ("https://example.org/..", "model.gguf"),
        ("https://example.org/", "model.gguf"),
    ],
)
def test_the_name_of_a_file_is_one_name_only(url, file):
    assert WebName(url).file == file
