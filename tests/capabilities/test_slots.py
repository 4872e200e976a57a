"""Slots: requests that are decoded together, and what a slot remembers, kept in files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor

_PATIENCE_S = 300
_STORY = "Once upon a time there was a robot who lived at the bottom of the sea, and every morning it"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that slots are saved to; it has a neighbour that nobody may touch."""
    folder = tmp_path_factory.mktemp("root") / "slots"
    (folder / "folder").mkdir(parents=True)
    (folder.parent / "outside.bin").write_text("outside")
    return folder


@pytest.fixture(scope="module")
def saving(demo_model: Path, params: MakeParams, folder: Path) -> Iterator[xlc.Server]:
    """Serve the demo model: four slots, which can be saved."""
    made = params(demo_model, n_ctx=4096, slot_save_path=str(folder), endpoint_slots=True, endpoint_metrics=True)
    with xlc.Server(made) as server:
        yield server


@pytest.mark.capability("Slots", "requests are decoded together")
def test_requests_are_decoded_together(saving: xlc.Server, door: OpenDoor) -> None:
    opened = door(saving)
    body = {"prompt": _STORY, "max_tokens": 200, "ignore_eos": True}
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(opened.stream, "/v1/completions", body) for _ in range(4)]
        end = time.monotonic() + _PATIENCE_S
        while (together := _busy_slots(opened)) < 2:
            assert time.monotonic() < end, "never two at a time"
        for answer in answers:
            answer.result()
    assert together >= 2
    assert _metric(opened, "n_busy_slots_per_decode") > 1


def _busy_slots(opened: Door) -> int:
    return sum(slot["is_processing"] for slot in opened.ask("/slots"))


def _metric(opened: Door, name: str) -> float:
    text: str = opened.ask("/metrics")
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"llamacpp:{name} "))


@pytest.mark.capability("Slots", "more requests than slots wait for one")
def test_more_requests_than_slots_wait_for_one(saving: xlc.Server, door: OpenDoor) -> None:
    opened = door(saving)
    body = {"prompt": _STORY, "max_tokens": 5, "ignore_eos": True}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: opened.ask("/v1/completions", body), range(10)))
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [5] * 10


def complete(opened: Door, slot: int, prompt: str = _STORY) -> tuple[str, int]:
    """Complete a prompt on a slot; return the text, and how much of the prompt was remembered."""
    body = {"prompt": prompt, "n_predict": 8, "temperature": 0, "id_slot": slot}
    answer = opened.ask("/completion", body)
    return answer["content"], answer["timings"]["cache_n"]


def act(opened: Door, slot: int, action: str, name: str | None = None) -> Any:
    return opened.ask(f"/slots/{slot}?action={action}", {} if name is None else {"filename": name})


@pytest.mark.capability("Slots", "saved to a file, erased and restored")
def test_what_a_slot_remembers_is_saved_erased_and_restored(saving: xlc.Server, door: OpenDoor, folder: Path) -> None:
    opened = door(saving)
    act(opened, 0, "erase")
    text, remembered = complete(opened, 0)
    assert remembered == 0
    saved = act(opened, 0, "save", "story.bin")
    assert saved["n_written"] <= (folder / "story.bin").stat().st_size < saved["n_written"] + 100
    assert act(opened, 0, "erase")["n_erased"] == saved["n_saved"]
    assert complete(opened, 0) == (text, 0)

    act(opened, 1, "erase")
    restored = act(opened, 1, "restore", "story.bin")
    assert (restored["n_restored"], restored["n_read"]) == (saved["n_saved"], saved["n_written"])
    again, remembered = complete(opened, 1)
    assert again == text
    assert remembered > 10
    (folder / "story.bin").unlink()


def test_a_number_beyond_the_slots_counts_on_from_the_first(saving: xlc.Server, door: OpenDoor) -> None:
    opened = door(saving)
    complete(opened, 3)
    assert act(opened, 4 + 3, "erase")["n_erased"] > 0
    assert act(opened, 3, "erase")["n_erased"] == 0


@pytest.mark.capability("Slots", "a saved slot outlives the server")
def test_a_saved_slot_outlives_the_server(door: OpenDoor, demo_model: Path, params: MakeParams, tmp_path: Path) -> None:
    made = params(demo_model, n_ctx=512, n_parallel=1, slot_save_path=str(tmp_path))
    with xlc.Server(made) as server:
        text, _ = complete(door(server), 0)
        act(door(server), 0, "save", "story.bin")
    with xlc.Server(made) as server:
        act(door(server), 0, "restore", "story.bin")
        again, remembered = complete(door(server), 0)
    assert again == text
    assert remembered > 10


PATHS = [
    "../outside.bin",
    "/tmp/outside.bin",
    "folder/x.bin",
    "..",
    ".",
    "",
    "a\\b.bin",
    "x\0y",
    "\uff0e\uff0e",
    "x" * 300,
]


@pytest.mark.capability("Slots", "files stay in the folder")
@pytest.mark.parametrize("action", ["save", "restore"])
@pytest.mark.parametrize("name", PATHS)
def test_a_path_is_refused(saving: xlc.Server, door: OpenDoor, folder: Path, action: str, name: str) -> None:
    before = _files(folder.parent)
    error = _refusal(door(saving), action, name)
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert "is not the name of a file in slot_save_path" in str(error)
    assert _files(folder.parent) == before


@pytest.mark.capability("Slots", "files stay in the folder")
@pytest.mark.parametrize("action", ["save", "restore"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "link to a folder", "pipe", "folder"])
def test_what_is_no_plain_file_is_refused(
    saving: xlc.Server, door: OpenDoor, folder: Path, action: str, kind: str
) -> None:
    entry = folder / "entry"
    if kind == "pipe":
        os.mkfifo(entry)
    elif kind == "folder":
        entry.mkdir()
    else:
        targets = {"link": "outside.bin", "dangling link": "nothing.bin", "link to a folder": "slots"}
        entry.symlink_to(folder.parent / targets[kind])
    before = _files(folder.parent)
    try:
        error = _refusal(door(saving), action, "entry")
    finally:
        entry.rmdir() if kind == "folder" else entry.unlink()
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert "'entry' is not a plain file" in str(error)
    assert _files(folder.parent) | {entry: None} == before | {entry: None}


def _files(root: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def _refusal(opened: Door, action: str, name: str, slot: int = 0) -> xlc.RequestError:
    with pytest.raises(xlc.RequestError) as caught:
        act(opened, slot, action, name)
    return caught.value


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/slots/0?action=save", {}, "filename is missing"),
        ("/slots/0?action=save", {"filename": 3}, "filename is missing"),
        ("/slots/0?action=restore", {"filename": "nothing.bin"}, "'nothing.bin' is not in slot_save_path"),
        ("/slots/first?action=erase", {}, "Invalid slot ID"),
        ("/slots/0?action=forget", {}, "Invalid action"),
        ("/slots/0", {}, "Invalid action"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(
    saving: xlc.Server, door: OpenDoor, path: str, body: dict[str, Any], text: str
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        door(saving).ask(path, body)
    assert caught.value.status == 400
    assert text in str(caught.value)


@pytest.mark.capability("Slots", "a damaged file is an error")
@pytest.mark.parametrize("damage", ["empty", "junk", "cut", "one bit", "another model's"])
def test_a_damaged_file_is_refused_and_the_slot_goes_on(
    saving: xlc.Server, door: OpenDoor, folder: Path, params: MakeParams, damage: str
) -> None:
    opened = door(saving)
    complete(opened, 0)
    act(opened, 0, "save", "story.bin")
    whole = (folder / "story.bin").read_bytes()
    if damage == "another model's":
        with xlc.Server(params(models.tiny(models.TINY), n_ctx=256, slot_save_path=str(folder))) as other:
            complete(door(other), 0)
            act(door(other), 0, "save", "story.bin")
    else:
        flipped = whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]
        contents = {"empty": b"", "junk": b"junk" * 999, "cut": whole[:-1000], "one bit": flipped}
        (folder / "story.bin").write_bytes(contents[damage])
    error = _refusal(opened, "restore", "story.bin")
    assert error.status == 400
    reason = "Unable to restore slot" if damage == "another model's" else "is damaged, or was not saved by this program"
    assert reason in str(error)
    text, _ = complete(opened, 0)
    assert text == complete(opened, 1)[0]
    (folder / "story.bin").unlink()


def test_a_state_that_is_too_long_for_a_slot_is_refused(
    saving: xlc.Server, demo_model: Path, params: MakeParams, folder: Path, door: OpenDoor
) -> None:
    complete(door(saving), 0, _STORY * 20)
    act(door(saving), 0, "save", "long.bin")
    with xlc.Server(params(demo_model, n_ctx=256, n_parallel=1, slot_save_path=str(folder))) as small:
        assert "Unable to restore slot" in str(_refusal(door(small), "restore", "long.bin"))
        assert complete(door(small), 0)[0]
    (folder / "long.bin").unlink()


def test_a_folder_that_is_gone_is_an_error(
    demo_model: Path, params: MakeParams, tmp_path: Path, door: OpenDoor
) -> None:
    folder = tmp_path / "slots"
    folder.mkdir()
    with xlc.Server(params(demo_model, n_ctx=256, n_parallel=1, slot_save_path=str(folder))) as server:
        opened = door(server)
        complete(opened, 0)
        folder.rmdir()
        error = _refusal(opened, "save", "story.bin")
        assert (error.status, str(folder) in str(error)) == (500, True)
        assert list(tmp_path.iterdir()) == []
        folder.mkdir()
        assert act(opened, 0, "save", "story.bin")["n_saved"] > 0


def test_a_folder_that_is_not_there_is_refused_before_the_load(
    demo_model: Path, params: MakeParams, tmp_path: Path
) -> None:
    with pytest.raises(xlc.ParameterError, match="slot_save_path"):
        xlc.Server(params(demo_model, slot_save_path=str(tmp_path / "nothing")))


def test_slots_are_not_saved_where_nobody_asked_for_it(demo_server: xlc.Server, door: OpenDoor) -> None:
    error = _refusal(door(demo_server), "save", "story.bin")
    assert (error.status, error.type) == (501, "not_supported_error")


def test_a_slot_is_saved_from_a_text_of_json_too(saving: xlc.Server, folder: Path) -> None:
    complete_body = {"prompt": _STORY, "n_predict": 2, "id_slot": 2}
    saving.request("POST", "/completion", complete_body)
    saving.request("POST", "/slots/2?action=save", json.dumps({"filename": "text.bin"}))
    assert (folder / "text.bin").exists()
    (folder / "text.bin").unlink()
