"""The changelog: fragments of this checkout are as towncrier takes them, and a release moves them into CHANGELOG.md."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from release import changelog
from release.folder import ReleaseError
from release_checkouts import CHECKOUT, add_fragment, git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with what towncrier reads, and no fragments."""
    for name in ("pyproject.toml", changelog.FILE):
        shutil.copy(CHECKOUT / name, tmp_path)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def test_the_fragments_of_this_checkout_are_taken(root):
    shutil.copytree(CHECKOUT / changelog.FRAGMENTS, root / changelog.FRAGMENTS)
    add_fragment(root, "+more.fixed.md", "Something.")
    texts = [(root / changelog.FRAGMENTS / name).read_text().strip() for name in changelog.fragments(root)]
    assert all(texts)
    changelog.build(root, "2099.1.0")
    made = changelog.section(root, "2099.1.0")
    assert all(text in made for text in texts)
    assert changelog.fragments(root) == []


def test_a_release_goes_above_the_one_before(root):
    for version, text in (("2099.1.0", "The first."), ("2099.1.1", "The second.")):
        add_fragment(root, "12.changed.md", text)
        changelog.build(root, version)
    assert "The first." in changelog.section(root, "2099.1.0")
    assert "The second." not in changelog.section(root, "2099.1.0")
    assert changelog.section(root, "2099.1") == ""
    text = (root / changelog.FILE).read_text()
    assert text.index("The second.") < text.index("The first.")


@pytest.mark.parametrize("name", ["words.md", "+word.better.md"])
def test_a_misnamed_fragment_is_named_and_nothing_is_written(root, name):
    add_fragment(root, "+fine.added.md", "Fine.")
    add_fragment(root, name, "Lost?")
    before = (root / changelog.FILE).read_text()
    with pytest.raises(ReleaseError, match=rf"towncrier cannot make CHANGELOG\.md: .*{re.escape(name)}"):
        changelog.build(root, "2099.1.0")
    assert (root / changelog.FILE).read_text() == before
    assert len(changelog.fragments(root)) == 2


def test_a_release_without_changes_is_refused_and_so_is_one_that_was_made(root):
    with pytest.raises(ReleaseError, match=r"changelog\.d/ has no fragments: what changed\?"):
        changelog.build(root, "2099.1.0")
    add_fragment(root, "+a.added.md", "A.")
    changelog.build(root, "2099.1.0")
    add_fragment(root, "+b.added.md", "B.")
    with pytest.raises(ReleaseError, match=r"CHANGELOG\.md has 2099\.1\.0 already"):
        changelog.build(root, "2099.1.0")
