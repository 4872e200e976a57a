"""Images in requests: from where they may come, in which requests, and what is refused."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

import hostile_media
import models
import xllamacpp as xlc
from media import image_part, packed, png
from media_host import MediaHost
from plain_projectors import TINY_BARE_VISION, TINY_WHOLE_VISION
from witness import NOTHING, TEXT, chat, refusal

pytestmark = pytest.mark.capability("Vision", "images in a chat")


def saw(*colours):
    return f"I see {' '.join(colours) or 'nothing'}, and hear no tone."


def part(address):
    return {"type": "image_url", "image_url": {"url": address}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder that requests may read, in one that they may not."""
    root = tmp_path_factory.mktemp("media")
    (root / "secret.png").write_bytes(png("green"))
    (root / "open-secret.png").write_bytes(png("green"))
    inside = root / "open"
    (inside / "deeper").mkdir(parents=True)
    (inside / "red.png").write_bytes(png("red"))
    (inside / "deeper" / "blue.png").write_bytes(png("blue"))
    (inside / "note.txt").write_text("This is no image.", encoding="utf-8")
    (inside / "link.png").symlink_to(root / "secret.png")
    (inside / "inner-link.png").symlink_to(inside / "red.png")
    os.mkfifo(inside / "pipe.png")
    with (inside / "huge.png").open("wb") as file:
        file.truncate(300 << 20)
    return inside


@pytest.fixture(scope="module")
def host():
    with MediaHost() as host:
        host.files["/blue.png"] = png("blue")
        host.files["/note.txt"] = b"This is no image."
        yield host


@pytest.fixture(scope="module")
def server(params, folder):
    """Serve a model that says what it sees."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("XLLAMACPP_MEDIA_HOSTS", raising=False)
        mmproj = {"path": str(models.tiny(models.TINY_VISION))}
        with xlc.Server(params(models.tiny(models.TINY_WITNESS), mmproj=mmproj, media_path=str(folder))) as server:
            yield server


@pytest.fixture(scope="module")
def fetching_server(params):
    """Serve one that may fetch images from this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLLAMACPP_MEDIA_HOSTS", "images.example.org, 127.0.0.1")
        mmproj = {"path": str(models.tiny(models.TINY_VISION))}
        with xlc.Server(params(models.tiny(models.TINY_WITNESS), mmproj=mmproj)) as server:
            yield server


@pytest.fixture(scope="module")
def blind_server(params):
    with xlc.Server(params(models.tiny(models.TINY_WITNESS))) as server:
        yield server


class TestSources:
    @pytest.mark.capability("Vision", "data URLs")
    @pytest.mark.parametrize("colour", ["red", "green", "blue", "white"])
    def test_image_comes_with_the_request(self, server, door, colour):
        expected = NOTHING if colour == "white" else saw(colour)
        assert chat(door(server), image_part(png(colour))) == expected
        assert chat(door(server), part(packed(png(colour)))) == expected

    @pytest.mark.capability("Vision", "files under media_path")
    @pytest.mark.parametrize(
        ("name", "colour"),
        [("red.png", "red"), ("/red.png", "red"), ("deeper/blue.png", "blue"), ("inner-link.png", "red")],
    )
    def test_image_is_a_file_under_the_folder(self, server, door, name, colour):
        assert chat(door(server), part(f"file://{name}")) == saw(colour)

    @pytest.mark.capability("Vision", "files under media_path")
    @pytest.mark.parametrize(
        "name",
        [
            "../secret.png",
            "../open-secret.png",
            "deeper/../../secret.png",
            "%2e%2e/secret.png",
            "..\\secret.png",
            "link.png",
            "/etc/passwd",
            "pipe.png",
            "deeper",
            "",
            "missing.png",
            "note.txt",
            "red.png\0",
            "huge.png",
        ],
    )
    def test_nothing_else_is_read(self, server, door, folder, name):
        status, said = refusal(door(server), part(f"file://{name}"))
        assert status == 400
        assert str(folder) not in said
        status, _ = refusal(door(server), part(f"file://{folder.parent}/secret.png"))
        assert status == 400

    def test_no_file_is_read_without_a_folder(self, fetching_server, door, folder):
        status, said = refusal(door(fetching_server), part(f"file://{folder}/red.png"))
        assert status == 400
        assert "media-path" in said


class TestWeb:
    pytestmark = pytest.mark.capability("Vision", "http and https addresses, of hosts that are allowed")

    def test_nothing_is_fetched_unless_the_host_is_allowed(self, server, door, host):
        host.asked.clear()
        status, said = refusal(door(server), part(host.address("/blue.png")))
        assert status == 400
        assert "may not fetch anything from 127.0.0.1" in said
        assert "XLLAMACPP_MEDIA_HOSTS" in said
        assert host.asked == []

    @pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/embeddings", "/apply-template"])
    def test_no_kind_of_request_goes_round_that(self, params, door, host, path, monkeypatch):
        # Another server of this module's may have set it.
        monkeypatch.delenv("XLLAMACPP_MEDIA_HOSTS", raising=False)
        host.asked.clear()
        address = host.address("/blue.png")
        bodies = {
            "/v1/responses": {
                "input": [{"role": "user", "content": [{"type": "input_image", "image_url": address}]}],
            },
            "/v1/messages": {
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": address}}]}
                ],
            },
            "/embeddings": {"input": {"content": [part(address)]}},
            "/apply-template": {"messages": [{"role": "user", "content": [part(address)]}]},
        }
        mmproj = {"path": str(models.tiny(models.TINY_VISION))}
        fields = {"embedding": True} if path == "/embeddings" else {}
        with (
            xlc.Server(params(models.tiny(models.TINY_WITNESS), mmproj=mmproj, **fields)) as server,
            pytest.raises(xlc.RequestError, match="may not fetch anything") as caught,
        ):
            door(server).ask(path, bodies[path])
        assert caught.value.status == 400
        assert host.asked == []

    def test_image_is_fetched_from_a_host_that_is_allowed(self, fetching_server, door, host):
        host.asked.clear()
        assert chat(door(fetching_server), part(host.address("/blue.png"))) == saw("blue")
        assert chat(door(fetching_server), part(host.address("/to?/blue.png"))) == saw("blue")
        assert chat(door(fetching_server), part(host.address("/to?" + host.address("/blue.png")))) == saw("blue")
        assert "/blue.png" in host.asked

    def test_address_does_not_lead_to_another_host(self, fetching_server, door, host):
        for address in (
            host.address("/to?" + host.address("/blue.png", "localhost")),
            host.address("/to?http://169.254.169.254/latest/meta-data"),
            host.address("/to?//localhost/blue.png"),
            host.address("/to?file:///etc/passwd"),
            host.address("/blue.png", "localhost"),
            f"http://127.0.0.1@{host.address('/blue.png', 'localhost').removeprefix('http://')}",
            f"http://127.0.0.1#@{host.address('/blue.png', 'localhost').removeprefix('http://')}",
            "http://[::1]/blue.png",
            "http://127.0.0.1.example.org/blue.png",
            "http://2130706433/blue.png",
        ):
            host.asked.clear()
            status, said = refusal(door(fetching_server), part(address))
            assert status == 400, address
            assert "'" in said
            assert "/blue.png" not in host.asked

    def test_address_that_leads_on_for_ever_is_given_up(self, fetching_server, door, host):
        status, said = refusal(door(fetching_server), part(host.address("/to?/to?/to?/to?/to?/blue.png")))
        assert status == 400
        assert "leads from one address to the next" in said or "404" in said

    def test_more_than_10_MB_are_not_fetched(self, fetching_server, door, host):
        status, said = refusal(door(fetching_server), part(host.address("/endless")))
        assert status == 400
        assert "is larger than the 10 MB" in said

    def test_slow_host_is_given_up(self, fetching_server, door, host):
        status, said = refusal(door(fetching_server), part(host.address("/slow")))
        assert status == 400
        assert "took longer than 10 seconds" in said or "could not be fetched" in said

    @pytest.mark.parametrize(
        ("path", "said"),
        [("/missing", "the answer is 404"), ("/note.txt", "neither an image"), ("/a b", "spaces"), ("/\r\nX: y", "")],
    )
    def test_what_is_no_image_is_refused(self, fetching_server, door, host, path, said):
        status, message = refusal(door(fetching_server), part(host.address(path)))
        assert status == 400
        assert said in message

    @pytest.mark.parametrize("address", ["http:", "http://", "https://", "httpx://127.0.0.1/", "http://127.0.0.1:x/"])
    def test_what_is_no_address_is_refused(self, fetching_server, door, address):
        assert refusal(door(fetching_server), part(address))[0] == 400

    def test_host_that_does_not_answer_is_refused(self, fetching_server, door):
        status, said = refusal(door(fetching_server), part("http://127.0.0.1:1/blue.png"))
        assert status == 400
        assert "could not be fetched" in said


class TestRequests:
    @pytest.mark.capability("Vision", "several images")
    def test_several_images_are_seen(self, server, door):
        assert chat(door(server), *(image_part(png(colour)) for colour in ("blue", "red"))) == saw("red", "blue")
        history = [
            {"role": "user", "content": [image_part(png("green")), TEXT]},
            {"role": "assistant", "content": saw("green")},
            {"role": "user", "content": [TEXT, image_part(png("blue")), TEXT]},
        ]
        answer = door(server).ask("/v1/chat/completions", {"messages": history, "max_tokens": 24})
        assert answer["choices"][0]["message"]["content"] == saw("green", "blue")

    def test_other_image_is_another_prompt(self, server, door):
        for colour in ("red", "blue", "red", "green"):
            assert chat(door(server), image_part(png(colour)), cache_prompt=True) == saw(colour)

    def test_chat_is_streamed(self, server, door):
        messages = [{"role": "user", "content": [image_part(png("red")), TEXT]}]
        chunks = door(server).stream("/v1/chat/completions", {"messages": messages, "max_tokens": 24})
        deltas = (choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"])
        assert "".join(filter(None, deltas)) == saw("red")

    @pytest.mark.capability("Vision", "multimodal_data in a completion")
    def test_completion_has_a_marker_for_each_image(self, server, door):
        marker = door(server).ask("/props")["media_marker"]
        prompt = {
            "prompt_string": f"<|user|>{marker} and {marker}</s><|assistant|>",
            "multimodal_data": [packed(png("red")), packed(png("green"))],
        }
        body = {"prompt": prompt, "n_predict": 24}
        assert door(server).ask("/completion", body)["content"] == saw("red", "green")
        chunks = door(server).stream("/completion", body)
        assert "".join(chunk["content"] for chunk in chunks) == saw("red", "green")

    @pytest.mark.capability("Vision", "multimodal_data in a completion")
    def test_markers_and_images_have_to_be_as_many(self, server, door):
        marker = door(server).ask("/props")["media_marker"]
        image = packed(png("red"))
        for prompt, images in (("a", [image]), (f"{marker}a", []), (f"{marker}{marker}a", [image])):
            with pytest.raises(xlc.RequestError, match="places in the prompt") as caught:
                door(server).ask("/completion", {"prompt": {"prompt_string": prompt, "multimodal_data": images}})
            assert caught.value.status == 400

    @pytest.mark.capability("Vision", "input_image of /v1/responses")
    def test_responses_take_images(self, server, door):
        parts = [
            {"type": "input_image", "image_url": image_part(png("blue"))["image_url"]["url"]},
            {"type": "input_text", "text": "What?"},
        ]
        body = {"input": [{"role": "user", "content": parts}], "max_output_tokens": 24}
        assert door(server).ask("/v1/responses", body)["output"][-1]["content"][0]["text"] == saw("blue")
        events = door(server).stream("/v1/responses", body)
        assert "".join(event["delta"] for event in events if event.get("type") == "response.output_text.delta") == saw(
            "blue"
        )

    @pytest.mark.capability("Vision", "image blocks of /v1/messages")
    def test_messages_take_images(self, server, door):
        source = {"type": "base64", "media_type": "image/png", "data": packed(png("green"))}
        blocks = [{"type": "image", "source": source}, TEXT]
        body = {"messages": [{"role": "user", "content": blocks}], "max_tokens": 24}
        assert door(server).ask("/v1/messages", body)["content"][0]["text"] == saw("green")
        events = door(server).stream("/v1/messages", body)
        deltas = (event["delta"].get("text", "") for event in events if event.get("type") == "content_block_delta")
        assert "".join(deltas) == saw("green")

    @pytest.mark.capability("Vision", "images counted as tokens")
    def test_tokens_are_counted_without_an_answer(self, server, door):
        def count(*content):
            messages = [{"role": "user", "content": [*content, TEXT]}]
            return door(server).ask("/v1/chat/completions/input_tokens", {"messages": messages})["input_tokens"]

        one, two = count(image_part(png("red"))), count(*[image_part(png("red"))] * 2)
        assert one > count() + 8
        assert two - one > 8

    @pytest.mark.capability("Vision", "embeddings of images")
    def test_images_have_embeddings(self, params, door):
        mmproj = {"path": str(models.tiny(models.TINY_VISION))}
        last = xlc.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
        fields = {"embedding": True, "pooling_type": last, "n_ubatch": 512}
        with xlc.Server(params(models.tiny(models.TINY_WITNESS), mmproj=mmproj, **fields)) as server:
            images = [{"content": [image_part(png(colour)), TEXT]} for colour in ("red", "blue", "red")]
            answer = door(server).ask("/v1/embeddings", {"input": images})
            red, blue, again = (data["embedding"] for data in answer["data"])
            assert red == pytest.approx(again, abs=1e-4)
            assert red != pytest.approx(blue, abs=1e-3)
            with pytest.raises(xlc.RequestError, match="neither an image") as caught:
                door(server).ask("/v1/embeddings", {"input": {"content": [part(packed(b"no image")), TEXT]}})
            assert caught.value.status == 400


@pytest.fixture
def peak():
    """Measure how much memory the process takes, at most, from now on."""
    status = Path("/proc/self/status")

    def read(name):
        (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith(name))
        return int(line.split()[1]) >> 10

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = read("VmRSS")
    return lambda: read("VmHWM") - before


class TestRefusals:
    pytestmark = pytest.mark.capability("Vision", "what is no image is refused")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"This is no image.", "neither an image"),
            (b"%PDF-1.7" + bytes(100), "neither an image"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither an image"),
            (b"#EXTM3U\nfile:///etc/passwd\n", "neither an image"),
            (b"\x89PNG\r\n\x1a\n", "neither an image"),
            (png("red")[:60], "damaged"),
            (hostile_media.png_of(8, 8, b"no zlib"), "damaged"),
            (hostile_media.png_of(0, 8, b""), "damaged"),
            (b"\xff\xd8\xff\xe0" + bytes(100), "neither an image"),
            (b"GIF89a" + bytes(4), ""),
            (b"BM" + bytes(60), ""),
            (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(100), "send PNG or JPEG"),
            (b"\0\0\0\x20ftypisom" + bytes(100), "send PNG or JPEG"),
        ],
    )
    def test_what_is_no_image_is_named(self, server, door, content, said):
        for image in (image_part(content), part(packed(content))):
            status, message = refusal(door(server), image)
            assert status == 400
            assert said in message
        assert chat(door(server)) == NOTHING

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "?",
            "data:image/png;base64,",
            "data:image/png;base64,????",
            "data:image/png,AAAA",
            "data:text/html;base64,AAAA",
            "data:,",
            "data:image/png;base64,AAAA,AAAA",
            "ftp://127.0.0.1/blue.png",
            None,
            7,
            ["data:image/png;base64,AAAA"],
        ],
    )
    def test_what_is_no_address_is_refused(self, server, door, address):
        assert refusal(door(server), part(address))[0] == 400
        for image in ({"type": "image_url"}, {"type": "image_url", "image_url": address}, {"type": "image"}):
            assert refusal(door(server), image)[0] == 400

    @pytest.mark.parametrize(
        ("image", "said"),
        [
            (hostile_media.png_of(60_000, 60_000, b""), "60000 x 60000 pixels is too large"),
            (hostile_media.png_of(2**31 - 1, 2**31 - 1, b""), "is too large"),
            (hostile_media.png_of(2**32 - 1, 1, b""), "is too large"),
            (b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0\0\0\x10\0\0\0\x10\0\x01\0\x18\0" + bytes(64), "is too large"),
            (hostile_media.png_of(1, 1, hostile_media.overfull(3000)), "more in it than its size says"),
            (hostile_media.png_of(9, 9, hostile_media.overfull(3000), woven=True), "more in it than its size says"),
        ],
        ids=["60000", "most", "wide", "bmp", "overfull", "woven"],
    )
    def test_image_that_would_fill_the_memory_is_refused(self, server, door, peak, image, said):
        status, message = refusal(door(server), image_part(image))
        assert status == 400
        assert said in message
        assert peak() < 200

    def test_images_that_would_fill_the_memory_together_are_refused(self, server, door, peak):
        image = image_part(hostile_media.black_png(8000, 8000))
        status, said = refusal(door(server), *[image] * 10)
        assert status == 400
        assert "too large together" in said
        assert peak() < 1500

    def test_woven_image_is_seen(self, server, door):
        # Of the seven passes, one by one pixel has the first alone.
        image = hostile_media.png_of(1, 1, zlib.compress(b"\0\xff\0\0"), colour=2, woven=True)
        assert chat(door(server), image_part(image)) == saw("red")

    @pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2), (4000, 31), (33, 65), (1, 20_000)])
    def test_image_of_any_shape_is_seen_or_refused(self, server, door, size):
        try:
            assert chat(door(server), image_part(png("red", *size))) in (saw("red"), NOTHING)
        except xlc.RequestError as error:
            assert error.status == 400
        assert chat(door(server)) == NOTHING

    def test_more_images_than_the_context_holds_are_refused(self, server, door):
        status, said = refusal(door(server), *[image_part(png("red", 1024, 1024))] * 3)
        assert status == 400
        assert "context size" in said
        assert chat(door(server)) == NOTHING

    @pytest.mark.parametrize(
        "kind",
        ["input_audio", "hologram"],
    )
    def test_other_media_are_refused_by_a_model_that_takes_images(self, server, door, kind):
        assert refusal(door(server), {"type": kind, kind: {"data": packed(png("red")), "format": "wav"}})[0] == 400

    @pytest.mark.parametrize("token", [-1, 10**9])
    def test_tokens_that_stand_for_no_text_are_refused(self, server, door, token):
        door = door(server)
        marker = door.ask("/props")["media_marker"]
        image = {"prompt_string": f"{marker}a", "multimodal_data": [packed(png("red"))]}
        for _ in range(5):
            # Each slot has an image after the first token, where these are.
            assert door.ask("/completion", {"prompt": image, "n_predict": 1})
        for prompt in ([1, *[token] * 64], [[1, token]], {"prompt_string": [1, token, "a"]}):
            for path in ("/completion", "/v1/completions"):
                with pytest.raises(xlc.RequestError) as caught:
                    door.ask(path, {"prompt": prompt, "max_tokens": 1})
                assert caught.value.status == 400
        assert chat(door) == NOTHING


class TestWithoutProjector:
    pytestmark = pytest.mark.capability("Vision", "a model that sees nothing says so")

    def test_image_is_refused_by_a_model_without_a_projector(self, blind_server, door):
        status, said = refusal(door(blind_server), image_part(png("red")))
        assert status == 400
        assert "image input is not supported" in said
        assert "mmproj" in said
        assert chat(door(blind_server)) == NOTHING

    def test_every_kind_of_request_is_refused(self, blind_server, door):
        door = door(blind_server)
        bodies = {
            "/completion": {"prompt": {"prompt_string": "a", "multimodal_data": [packed(png("red"))]}},
            "/v1/responses": {
                "input": [
                    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]}
                ]
            },
            "/v1/chat/completions/input_tokens": {"messages": [{"role": "user", "content": [image_part(png("red"))]}]},
        }
        for path, body in bodies.items():
            with pytest.raises(xlc.RequestError, match=r"not support") as caught:
                door.ask(path, body)
            assert caught.value.status == 400
        assert chat(door) == NOTHING


class TestOtherProjectors:
    pytestmark = pytest.mark.capability("Vision", "projectors that treat an image in another way")

    @pytest.fixture
    def serve(self, params):
        def start(projector, **fields):
            return xlc.Server(
                params(models.tiny(models.TINY), n_ctx=512, mmproj={"path": str(models.tiny(projector))}, **fields)
            )

        return start

    def complete(self, door, text):
        prompt = {"prompt_string": text, "multimodal_data": [packed(png("red"))]}
        return door.ask("/completion", {"prompt": prompt, "n_predict": 4})["content"]

    def test_prompt_cannot_end_with_an_image(self, serve, door):
        with serve(TINY_BARE_VISION) as server:
            door = door(server)
            marker = door.ask("/props")["media_marker"]
            assert self.complete(door, f"a{marker}b")
            for text in (f"a{marker}", marker):
                with pytest.raises(xlc.RequestError, match="let some text follow") as caught:
                    self.complete(door, text)
                assert caught.value.status == 400
            assert self.complete(door, f"{marker} b")

    def test_image_that_is_seen_at_once_has_to_fit_into_a_batch(self, serve, door):
        with serve(TINY_WHOLE_VISION, n_batch=8, n_ubatch=8) as server:
            small = door(server)
            marker = small.ask("/props")["media_marker"]
            with pytest.raises(xlc.RequestError, match="n_ubatch") as caught:
                self.complete(small, f"{marker}b")
            assert caught.value.status == 400
            assert small.ask("/completion", {"prompt": "b", "n_predict": 1})["content"]
        with serve(TINY_WHOLE_VISION) as server:
            assert self.complete(door(server), f"{marker}b")
