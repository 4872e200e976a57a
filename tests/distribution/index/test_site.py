"""The index's tree: what is on each page, that it is the same each time, and how it takes the old one's place."""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import matrix
from doctored_wheels import Doctored
from index import commands, ledger_file, simple_api
from index import site as index_site
from index.landing_page import newest
from index.ledger import Dependency, Ledger, LedgerError, ReleasedFile, VariantFile
from index.pages import index_pages
from wheel_copies import make_wheel

CHECKOUT = Path(__file__).resolve().parents[3]
MATRIX = matrix.load(CHECKOUT)
SITE = "https://wheels.example"
TAGS = "cp311-abi3-manylinux_2_35_x86_64"


def released(version, row="cuda-12.4", build="", **given):
    file = f"xllamacpp-{version}{build}-{TAGS}.whl"
    url = f"https://files.example/{version}/{file}".replace("+", "%2B")
    said = {"upload_time": "2026-11-26T10:00:00Z", "requires_python": ">=3.11", "metadata_sha256": "b" * 64}
    said |= {"folders": (version.partition("+")[2],), "pythons": ("3.11", "3.14")}
    return ReleasedFile(**{"file": file, "url": url, "sha256": "a" * 64, "size": 1000, "row": row, **said, **given})


NASTY = 'wrong on "some" <GPUs> & others'


def dependency(file, **given):
    return Dependency(file, f"https://files.example/{file}", "c" * 64, 10, **given)


CLICK = dependency("click-8.5.1-py3-none-any.whl", requires_python=">=3.10")
RICH = dependency("rich-14.0-py3-none-any.whl")
LEDGER = Ledger(
    files=(
        released("2026.11.10+cu124", provenance="https://files.example/p"),
        released("2026.11.2+cu124"),
        released("2026.11.2+cu124", build="-2"),
        released("2026.11.2.post1+cu124", yanks=(NASTY,)),
        released("2026.11.2+cpu", row="cpu-generic"),
    ),
    dependencies=(CLICK,),
)
TREE = index_site.tree(LEDGER, MATRIX, SITE)


class Page(HTMLParser):
    """The anchors, the metadata and the names of a page's parts, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.meta, self.ids, self.tags, self._open = [], {}, [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "a":
            self._open = (found, [])
            self.anchors.append(self._open)
        if tag == "meta" and "name" in found:
            self.meta[found["name"]] = found["content"]

    def handle_data(self, data):
        if self._open:
            self._open[1].append(data)

    def handle_endtag(self, tag):
        if tag == "a":
            self._open = None

    def files(self):
        return {"".join(text): found for found, text in self.anchors}


def test_the_paths_are_those_that_users_write_and_short_ones():
    folders = {path.split("/")[1] for path in TREE if path.count("/") > 1}
    assert {"cpu", "cu124", "cu128", "rocm-6.3.4", "rocm-6.4.1", "vulkan"} <= folders
    assert folders == {name for page in index_pages(MATRIX) for name in (page.folder, *page.aliases)}
    assert "whl/rocm6.4/xllamacpp/index.html" in TREE
    for path, text in TREE.items():
        if path.startswith("whl/rocm6.4/"):
            assert TREE[path.replace("rocm6.4", "rocm-6.4.1")] == text


def test_each_page_lists_the_files_of_its_row_and_hides_none():
    page = Page(TREE["whl/cu124/xllamacpp/index.html"])
    assert page.meta == {"pypi:repository-version": "1.4"}
    # By version, where 10 is more than 2, and a later build after the first.
    assert list(page.files()) == [LEDGER.files[n].file for n in (1, 2, 3, 0)]
    assert list(Page(TREE["whl/cpu/xllamacpp/index.html"]).files()) == [LEDGER.files[4].file]
    assert Page(TREE["whl/vulkan/xllamacpp/index.html"]).files() == {}


def test_an_anchor_says_what_installers_ask_for():
    files = Page(TREE["whl/cu124/xllamacpp/index.html"]).files()
    first, yanked, last = (files[LEDGER.files[n].file] for n in (1, 3, 0))
    assert first == {
        "href": f"https://files.example/2026.11.2%2Bcu124/xllamacpp-2026.11.2%2Bcu124-{TAGS}.whl#sha256={'a' * 64}",
        "data-requires-python": ">=3.11",
        "data-core-metadata": f"sha256={'b' * 64}",
        "data-dist-info-metadata": f"sha256={'b' * 64}",
    }
    assert yanked["data-yanked"] == NASTY
    assert last["data-provenance"] == "https://files.example/p"


def test_the_json_says_the_same_and_more():
    document = json.loads(TREE["whl/cu124/xllamacpp/index.json"])
    assert document["meta"] == {"api-version": "1.4"}
    assert document["name"] == "xllamacpp"
    assert document["versions"] == ["2026.11.2+cu124", "2026.11.2.post1+cu124", "2026.11.10+cu124"]
    anchors = Page(TREE["whl/cu124/xllamacpp/index.html"]).files()
    assert [entry["filename"] for entry in document["files"]] == list(anchors)
    for entry in document["files"]:
        attributes = anchors[entry["filename"]]
        assert f"{entry['url']}#sha256={entry['hashes']['sha256']}" == attributes["href"]
        assert f"sha256={entry['core-metadata']['sha256']}" == attributes["data-core-metadata"]
        assert (entry["yanked"] or None) == attributes.get("data-yanked")
        assert entry.get("provenance") == attributes.get("data-provenance")
        assert (entry["size"], entry["upload-time"]) == (1000, "2026-11-26T10:00:00Z")
        assert entry["requires-python"] == ">=3.11"


def test_every_index_has_what_the_wheels_depend_on():
    for page in index_pages(MATRIX):
        root = Page(TREE[f"whl/{page.folder}/index.html"])
        assert [found["href"] for found, _ in root.anchors] == ["click/", "xllamacpp/"]
        listed = json.loads(TREE[f"whl/{page.folder}/index.json"])["projects"]
        assert [project["name"] for project in listed] == ["click", "xllamacpp"]
        assert list(Page(TREE[f"whl/{page.folder}/click/index.html"]).files()) == [CLICK.file]


def test_a_dependencys_page_says_of_it_what_is_known():
    yanked = dependency("click-8.4.0-py3-none-any.whl", yanks=(NASTY,))
    texts = index_site.tree(dataclasses.replace(LEDGER, dependencies=(CLICK, yanked)), MATRIX, SITE)
    assert Page(texts["whl/cu124/click/index.html"]).files() == {
        yanked.file: {"href": f"{yanked.url}#sha256={yanked.sha256}", "data-yanked": NASTY},
        CLICK.file: {"href": f"{CLICK.url}#sha256={CLICK.sha256}", "data-requires-python": ">=3.10"},
    }
    first, last = json.loads(texts["whl/cu124/click/index.json"])["files"]
    assert (first["yanked"], "requires-python" in first) == (NASTY, False)
    assert (last["yanked"], last["requires-python"]) == (False, ">=3.10")


def test_the_checksums_are_as_sha256sum_reads_them():
    lines = TREE["whl/SHA256SUMS"].splitlines()
    assert len(lines) == len(LEDGER.files)
    assert f"{'a' * 64}  xllamacpp-2026.11.2+cpu-{TAGS}.whl" in lines


def test_the_same_ledger_gives_the_same_tree_in_whatever_order():
    other = dataclasses.replace(LEDGER, files=LEDGER.files[::-1])
    texts = index_site.tree(other, MATRIX, SITE + "/")
    assert {path for path in TREE if texts[path] != TREE[path]} == {"whl/ledger.json"}


def test_names_are_escaped():
    text = simple_api.project_html("a<b", [dataclasses.replace(LEDGER.files[3], url="https://x.example/<&>")])
    assert "<&>" not in text
    assert NASTY not in text


# The variants


def copied(original, variant, properties, **given):
    name = f"-{variant}" if variant else ""
    file = f"xllamacpp-{original.version.public}+variants-{TAGS}{name}.whl"
    url = f"https://files.example/{file}".replace("+", "%2B")
    record = {**dataclasses.asdict(original), "file": file, "url": url, "folders": ("variants",), **given}
    return VariantFile(**record, copy_of=original.file, variant=variant, properties=properties)


OLD = ("nvidia :: cuda_version_lower_bound :: 12.3",)
VARIED = dataclasses.replace(
    LEDGER, variants=(copied(LEDGER.files[1], "cu124", OLD), copied(LEDGER.files[4], None, ()))
)


def test_without_variants_there_is_no_index_of_them():
    assert not [path for path in TREE if path.startswith("whl/variants/")]
    assert "wheel-variants" not in TREE["whl/index.html"]


def test_the_variants_are_in_one_index_with_the_file_that_describes_them():
    texts = index_site.tree(VARIED, MATRIX, SITE)
    assert {path: texts[path] for path in TREE if path not in CHANGED} == {
        path: text for path, text in TREE.items() if path not in CHANGED
    }
    described = "xllamacpp-2026.11.2+variants-variants.json"
    text = texts[f"whl/variants/xllamacpp/{described}"]
    # As the wheel has it, whatever the row has by now.
    assert json.loads(text)["variants"] == {"cu124": {"nvidia": {"cuda_version_lower_bound": ["12.3"]}}}
    files = Page(texts["whl/variants/xllamacpp/index.html"]).files()
    assert set(files) == {described, *(record.file for record in VARIED.variants)}
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert files[described] == {"href": f"{described.replace('+', '%2B')}#sha256={digest}"}
    entries = {each["filename"]: each for each in json.loads(texts["whl/variants/xllamacpp/index.json"])["files"]}
    assert entries[described]["hashes"] == {"sha256": digest}
    assert entries.keys() == files.keys()
    assert list(Page(texts["whl/variants/click/index.html"]).files()) == [CLICK.file]
    assert f"{'a' * 64}  {VARIED.variants[0].file}" in texts["whl/SHA256SUMS"]


CHANGED = ("whl/index.html", "whl/SHA256SUMS", "whl/ledger.json")


def test_the_landing_page_says_what_can_be_chosen_and_where_to_look_for_the_rest():
    text = index_site.tree(VARIED, MATRIX, SITE)["whl/index.html"]
    line = f"--preview-features wheel-variants --index-url {SITE}/whl/variants/ xllamacpp==2026.11.2+variants"
    assert f"uv pip install {line}" in text
    assert "between <code>cpu</code> and <code>cu124</code>" in text


@pytest.mark.parametrize(
    "needed",
    [
        "rich>=13",
        "click>=9",
        'rich>=13; python_version >= "3.11"',
        # Of some of the Pythons alone.
        'rich>=13; python_version >= "3.14"',
        'rich>=13; python_full_version < "3.12" and sys_platform == "linux"',
        'nvidia-cublas-cu12<13,>=12.4; extra == "cuda"',
    ],
)
def test_an_index_that_lacks_what_a_wheel_depends_on_is_refused(needed):
    wheel = released("2026.11.0+cu124", requires_dist=("click>=8.1", needed, 'pywin32; sys_platform == "win32"'))
    with pytest.raises(LedgerError, match=rf"files\[0\] .*: requires_dist: there is no wheel for {needed} among"):
        index_site.tree(dataclasses.replace(LEDGER, files=(wheel,)), MATRIX, SITE)
    yanked = dataclasses.replace(wheel, yanks=("wrong",))
    assert index_site.tree(dataclasses.replace(LEDGER, files=(yanked,)), MATRIX, SITE)


@pytest.mark.parametrize(
    ("there", "python"),
    [
        (["rich-14.0-cp27-none-any.whl"], "3.11"),
        (["rich-14.0-py2-none-any.whl"], "3.11"),
        (["rich-14.0-cp311-cp311-manylinux_2_17_x86_64.whl"], "3.14"),
        (["rich-14.0-cp314-cp314t-manylinux_2_17_x86_64.whl", "rich-14.0-cp311-cp311-manylinux1_x86_64.whl"], "3.14"),
        (["rich-14.0-py3-none-manylinux_2_36_x86_64.whl"], "3.11"),
        (["rich-14.0-py3-none-musllinux_1_2_x86_64.whl"], "3.11"),
        (["rich-14.0-py3-none-win_amd64.whl"], "3.11"),
        (["rich-14.0-py3-none-manylinux_2_17_aarch64.whl"], "3.11"),
    ],
)
def test_a_wheel_that_a_python_cannot_use_does_not_count(there, python):
    wheel = released("2026.11.0+cu124", requires_dist=("rich>=13",))
    ledger = Ledger(files=(wheel,), dependencies=tuple(map(dependency, there)))
    with pytest.raises(LedgerError, match=rf"for x86-64 Linux with CPython {python} and glibc 2\.35"):
        index_site.tree(ledger, MATRIX, SITE)


def test_a_dependency_that_is_yanked_or_for_other_pythons_does_not_count():
    wheel = released("2026.11.0+cu124", requires_dist=("rich>=13",))
    for given in ({"yanks": ("wrong",)}, {"requires_python": ">=3.12"}):
        ledger = Ledger(files=(wheel,), dependencies=(dependency("rich-14.0-py3-none-any.whl", **given),))
        with pytest.raises(LedgerError, match="there is no wheel for rich>=13"):
            index_site.tree(ledger, MATRIX, SITE)
    back = dependency("rich-14.0-py3-none-any.whl", yanks=("wrong", None), requires_python=">=3.11")
    assert index_site.tree(Ledger(files=(wheel,), dependencies=(back,)), MATRIX, SITE)


def test_an_index_with_what_a_wheel_depends_on_is_made_however_that_is_spelled():
    needs = ("Click>=8.1", 'pywin32; sys_platform == "win32"', 'tomli>=2; python_version < "3.11"', "rich>=13", "yaml")
    files = (
        "click-8.5.1-py2.py3-none-any.whl",
        "rich-14.0rc1-py3-none-any.whl",
        "yaml-6.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "yaml-6.0-cp313-abi3-manylinux1_x86_64.whl",
    )
    wheel = released("2026.11.0+cu124", requires_dist=needs)
    assert index_site.tree(Ledger(files=(wheel,), dependencies=tuple(map(dependency, files))), MATRIX, SITE)


# Rows that are gone


def without(row, **given):
    """The matrix without a row, or with another wheel of it."""
    rows = dict(MATRIX.rows)
    old = rows.pop(row)
    changed = {row: dataclasses.replace(old, wheel=dataclasses.replace(old.wheel, **given))} if given else {}
    return dataclasses.replace(MATRIX, rows={**rows, **changed})


@pytest.mark.parametrize(
    "later",
    [
        without("cuda-12.4"),
        without("cuda-12.4", published=False, why="it is old", index=None),
        without("cuda-12.4", label="cuda", index="cuda", index_aliases=()),
    ],
    ids=["dropped", "not published", "relabelled"],
)
def test_what_a_row_has_released_stays_where_it_was(tmp_path, later):
    texts = index_site.tree(LEDGER, later, SITE)
    kept = [path for path in TREE if path.startswith("whl/cu124/")]
    assert {path: texts[path] for path in kept} == {path: TREE[path] for path in kept}
    ledger_file.save(tmp_path / "ledger.json", LEDGER)
    assert ledger_file.load(tmp_path / "ledger.json", later) == LEDGER
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    index_site.write(tmp_path, texts, LEDGER, later)
    page = " ".join(texts["whl/index.html"].split())
    assert 'made no more: <a href="cu124/xllamacpp/">cu124</a>' in page


def test_a_renamed_row_goes_on_in_its_folder():
    rows = {"cuda-12.4.1" if name == "cuda-12.4" else name: row for name, row in MATRIX.rows.items()}
    rows["cuda-12.4.1"] = dataclasses.replace(rows["cuda-12.4.1"], name="cuda-12.4.1")
    newer = released("2026.12.0+cu124", row="cuda-12.4.1")
    ledger = dataclasses.replace(LEDGER, files=(*LEDGER.files, newer))
    texts = index_site.tree(ledger, dataclasses.replace(MATRIX, rows=rows), SITE)
    files = list(Page(texts["whl/cu124/xllamacpp/index.html"]).files())
    assert files == [*Page(TREE["whl/cu124/xllamacpp/index.html"]).files(), newer.file]
    assert "xllamacpp[cuda]==2026.12.0+cu124" in html.unescape(texts["whl/index.html"])
    assert "made no more" not in texts["whl/index.html"]


def test_a_folders_new_name_has_what_was_released_before():
    texts = index_site.tree(LEDGER, without("cuda-12.4", index_aliases=("cu12.4",)), SITE)
    for name in ("index.html", "xllamacpp/index.html", "click/index.json"):
        assert texts[f"whl/cu12.4/{name}"] == texts[f"whl/cu124/{name}"] == TREE[f"whl/cu124/{name}"]


# The page for people


def test_the_landing_page_has_the_line_for_each_row():
    text = TREE["whl/index.html"]
    line = f'pip install --index-url {SITE}/whl/cu124/ "xllamacpp[cuda]==2026.11.10+cu124"'
    assert line in html.unescape(text)
    assert f"uv pip install --index-url {SITE}/whl/cpu/ xllamacpp==2026.11.2+cpu" in text
    assert f"{SITE}/whl/vulkan/" not in text
    assert "The newest version is <strong>2026.11.10</strong>" in text
    for page in index_pages(MATRIX):
        assert f'href="#{page.folder}"' in text


def test_the_landing_page_stands_alone_and_is_whole():
    page = Page(TREE["whl/index.html"])
    assert {"script", "link", "img"}.isdisjoint(page.tags)
    assert len(page.ids) == len(set(page.ids))
    for found, _ in page.anchors:
        href = found["href"]
        target = f"whl/{href}index.html" if href.endswith("/") else f"whl/{href}"
        assert href.removeprefix("#") in page.ids if href.startswith("#") else target in TREE, href


def test_the_landing_page_says_from_which_cuda_version_on_a_wheel_is_the_one():
    text = " ".join(TREE["whl/index.html"].split())
    assert '<li>12.8 or higher: <a href="#cu128"><code>cu128</code></a> (no wheel yet)</li>' in text
    # Its generation's drivers run it too, older ones than its toolkit's.
    assert '<li>12.0 or higher: <a href="#cu124"><code>cu124</code></a></li>' in text
    assert text.index("12.8 or higher") < text.index("12.0 or higher")


def test_the_landing_page_says_what_a_machine_needs_besides_its_gpu():
    text = " ".join(TREE["whl/index.html"].split())
    assert "All need CPython 3.11 or newer, and not a free-threaded one." in text
    assert "<code>python -m xllamacpp.select</code>" in text
    row = MATRIX.row("vulkan")
    glibc = ".".join(row.wheel.platform.split("_")[1:3])
    assert f"{row.wheel.index}</code></a> (no wheel yet), which needs glibc {glibc} or newer" in text
    newer = dataclasses.replace(LEDGER.files[0], file=LEDGER.files[0].file.replace("cp311", "cp312"))
    later = index_site.tree(dataclasses.replace(LEDGER, files=(*LEDGER.files[1:], newer)), MATRIX, SITE)
    assert "All need CPython 3.12 or newer" in later["whl/index.html"]


def test_an_empty_ledger_makes_a_page_too():
    texts = index_site.tree(Ledger(), MATRIX, SITE)
    assert "Nothing is released yet." in texts["whl/index.html"]
    assert "pip install" not in texts["whl/index.html"]
    assert "CPython" not in texts["whl/index.html"]


def test_the_newest_file_is_what_installers_take():
    candidate = released("2026.12.0rc1+cu124")
    assert newest([*LEDGER.files[:4], candidate]) == LEDGER.files[0]
    assert newest([candidate]) == candidate
    assert newest([LEDGER.files[3]]) is None
    assert newest([LEDGER.files[2], LEDGER.files[1]]) == LEDGER.files[2]


# The folder


def paths(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_site_is_written_and_compared(tmp_path):
    (tmp_path / "other.html").write_text("mine")
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    assert paths(tmp_path) == {*TREE, "other.html"}
    assert index_site.check(tmp_path, TREE) == []
    (tmp_path / "whl" / "cpu" / "index.html").write_text("edited")
    (tmp_path / "whl" / "SHA256SUMS").unlink()
    (tmp_path / "whl" / "more").mkdir()
    (tmp_path / "whl" / "more" / "index.html").touch()
    found = {difference.path: difference.diff for difference in index_site.check(tmp_path, TREE)}
    assert set(found) == {"whl/cpu/index.html", "whl/SHA256SUMS", "whl/more/index.html"}
    assert "-edited" in found["whl/cpu/index.html"]
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    assert paths(tmp_path) == {*TREE, "other.html"}


def test_what_the_site_has_stays_where_the_ledger_lacks_it(tmp_path):
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    fewer = dataclasses.replace(LEDGER, files=LEDGER.files[1:])
    again = dataclasses.replace(LEDGER.files[3], yanks=())
    unyanked = dataclasses.replace(LEDGER, files=(*LEDGER.files[:3], again, *LEDGER.files[4:]))
    for other, said in (
        (fewer, r"2026\.11\.10\+cu124.* is not among its files"),
        (unyanked, r"2026\.11\.2\.post1\+cu124.*: yanks were \['wrong .*'\] and are \[\]"),
    ):
        with pytest.raises(LedgerError, match=said) as caught:
            index_site.write(tmp_path, index_site.tree(other, MATRIX, SITE), other, MATRIX)
        assert "begin with the site's own" in str(caught.value)
        assert index_site.check(tmp_path, TREE) == []


def test_a_folder_that_is_no_index_is_left_alone(tmp_path):
    (tmp_path / "whl").mkdir()
    (tmp_path / "whl" / "work.txt").write_text("mine")
    with pytest.raises(LedgerError, match=r"has no ledger\.json, so it is no index of ours"):
        index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    assert paths(tmp_path) == {"whl/work.txt"}


def test_a_write_that_fails_leaves_the_old_site(tmp_path):
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    with pytest.raises(UnicodeEncodeError):
        index_site.write(tmp_path, {**TREE, "whl/last.html": "\ud800"}, LEDGER, MATRIX)
    # Here the old folder is aside already, and the new one cannot take its place.
    with pytest.raises(FileNotFoundError):
        index_site.write(tmp_path, {}, LEDGER, MATRIX)
    assert paths(tmp_path) == set(TREE)


@pytest.mark.parametrize("stopped_at", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_run_that_is_stopped_at_a_rename_leaves_the_old_site(tmp_path, monkeypatch, stopped_at, error):
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    rename, seen = Path.rename, []

    def stop(path, target):
        seen.append(path)
        if len(seen) == stopped_at:
            raise error
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stop)
        with pytest.raises(error):
            index_site.write(tmp_path, index_site.tree(VARIED, MATRIX, SITE), VARIED, MATRIX)
    assert paths(tmp_path) == set(TREE)
    assert index_site.check(tmp_path, TREE) == []


def test_a_run_that_was_killed_between_the_renames_is_mended_by_the_next(tmp_path):
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    (tmp_path / "whl").rename(tmp_path / ".whl-before")
    fewer = dataclasses.replace(LEDGER, files=LEDGER.files[1:])
    with pytest.raises(LedgerError, match="the ledger is not the site's continued"):
        index_site.write(tmp_path, index_site.tree(fewer, MATRIX, SITE), fewer, MATRIX)
    assert paths(tmp_path) == set(TREE)
    # Killed after them: what is aside is old.
    (tmp_path / ".whl-before").mkdir()
    (tmp_path / ".whl-before" / "index.html").touch()
    index_site.write(tmp_path, TREE, LEDGER, MATRIX)
    assert paths(tmp_path) == set(TREE)


# The commands


def test_the_commands_take_a_wheel_to_the_site(tmp_path, capsys):
    ledger = ("--ledger", str(tmp_path / "ledger.json"))
    site = ("--site", str(tmp_path / "site"), "--base-url", SITE)
    wheel = make_wheel(tmp_path, "xllamacpp", "2026.11.0+vulkan", tags=TAGS, metadata=["Requires-Python: >=3.11"])
    add = ("add", *ledger, "--row", "vulkan", "--folder-url", "https://files.example", str(wheel))

    def run(*arguments, status=0):
        assert commands.main(list(arguments), CHECKOUT) == status
        return "".join(capsys.readouterr())

    assert "1 recorded" in run(*add)
    assert Path(f"{wheel}.metadata").exists()
    assert "1 there already" in run(*add)
    run("render", *ledger, *site)
    run("check", *ledger, *site)
    run("yank", *ledger, "2026.11.0", "--reason", "wrong")
    said = run("check", *ledger, *site, status=1)
    assert 'data-yanked="wrong"' in said
    assert "render" in said
    run("render", *ledger, *site)
    run("unyank", *ledger, "2026.11.0")
    # The site has the yank, and the ledger says that it was taken back.
    run("render", *ledger, *site)
    run("check", *ledger, *site)
    assert "it has to be an https URL" in run("render", *ledger, "--site", "x", "--base-url", "wheels", status=1)
    assert "no file or version 9 is released" in run("yank", *ledger, "9", "--reason", "wrong", status=1)
    run("extras", str(tmp_path / "extras.txt"))
    asked = (tmp_path / "extras.txt").read_text().splitlines()
    assert asked == sorted({text for row in MATRIX.rows.values() if row.cuda for text in row.wheel.extra.requirements})
    assert "Record what is released" in run("--help")


def test_a_ledger_is_compared_with_an_older_one(tmp_path, capsys):
    old, new = tmp_path / "old.json", tmp_path / "new.json"

    def compare(status):
        assert commands.main(["compare", str(old), str(new)], CHECKOUT) == status
        return "".join(capsys.readouterr())

    assert "old.json is not in" in compare(1)
    ledger_file.save(old, LEDGER)
    ledger_file.save(new, dataclasses.replace(LEDGER, dependencies=(*LEDGER.dependencies, RICH)))
    assert f"{new} is {old} continued" in compare(0)
    ledger_file.save(new, dataclasses.replace(LEDGER, files=LEDGER.files[1:]))
    said = compare(1)
    assert f"{LEDGER.files[0].file} is not among its files" in said
    assert f"{new} is not {old} continued" in said
    new.write_text(new.read_text()[:-10])
    assert "it is no JSON" in compare(1)


def test_the_site_is_the_matrixs_unless_a_mirror_is_named():
    served = dataclasses.replace(MATRIX, site="https://wheels.example/all/")
    assert index_site.url(served, None) == "https://wheels.example/all/"
    assert index_site.url(served, "https://mirror.example") == "https://mirror.example"
    with pytest.raises(LedgerError, match=r"matrix\.yaml has no site yet: set it"):
        index_site.url(dataclasses.replace(MATRIX, site=None), None)
    with pytest.raises(LedgerError, match="on this machine"):
        index_site.url(served, "http://127.0.0.1:8000")
    assert index_site.url(served, "http://127.0.0.1:8000", local_urls=True) == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "url", ["https://[bad", "https://h:abc/f", "https://h /x y", 'https://h/"><b>', "https://h/\n"]
)
def test_a_sites_url_is_one(url):
    with pytest.raises(LedgerError, match=r"the site is .*URL"):
        index_site.url(MATRIX, url)


def test_a_refused_wheel_leaves_no_trace(tmp_path, capsys):
    wheel = make_wheel(tmp_path, "xllamacpp", "2026.11.0+cu124", tags=TAGS, metadata=["Requires-Python: >=3.11"])
    ledger = tmp_path / "ledger.json"
    given = ["--ledger", str(ledger), "--row", "vulkan", "--folder-url", "https://files.example", str(wheel)]
    assert commands.main(["add", *given], CHECKOUT) == 1
    assert "has the label cu124" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [wheel]


def test_the_commands_make_variants_of_what_is_released(tmp_path, capsys, finished):
    wheel = Doctored.of(finished).write(tmp_path)
    given = ["--ledger", str(tmp_path / "ledger.json"), "--folder-url", "https://files.example", str(wheel)]
    assert commands.main(["add", "--row", "cpu", *given], CHECKOUT) == 0
    for said in ("recorded", "there already"):
        assert commands.main(["variants", *given], CHECKOUT) == 0
        assert said in capsys.readouterr().out
    (copy,) = (tmp_path / "variants").glob("*.whl")
    assert Path(f"{copy}.metadata").exists()
    (record,) = ledger_file.load(tmp_path / "ledger.json", MATRIX).variants
    assert (record.file, record.copy_of, record.sha256) == (
        copy.name,
        wheel.name,
        hashlib.sha256(copy.read_bytes()).hexdigest(),
    )


def test_what_is_not_released_or_cannot_be_chosen_becomes_no_variant(tmp_path, capsys):
    wheel = make_wheel(tmp_path, "xllamacpp", "2026.11.0+vulkan", tags=TAGS, metadata=["Requires-Python: >=3.11"])
    given = ["--ledger", str(tmp_path / "ledger.json"), "--folder-url", "https://files.example", str(wheel)]
    ledger_file.save(tmp_path / "ledger.json", Ledger())
    assert commands.main(["variants", *given], CHECKOUT) == 1
    assert "is not released: record it first" in capsys.readouterr().err
    assert commands.main(["add", "--row", "vulkan", *given], CHECKOUT) == 0
    assert commands.main(["variants", *given], CHECKOUT) == 1
    assert "row vulkan: its wheels are no variants" in capsys.readouterr().err
    assert not (tmp_path / "variants").exists()
