"""Streams: iteration, cancelling, async, and the parser of server-sent events."""

from __future__ import annotations

import asyncio
import gc

import pytest

import xllamacpp as xlc
from xllamacpp.streams import EventParser

BODY = {"prompt": "Once upon a time", "max_tokens": 12, "temperature": 0, "stream": True}
ENDLESS = {**BODY, "max_tokens": -1, "ignore_eos": True}


def texts(chunks):
    return "".join(chunk["choices"][0]["text"] for chunk in chunks if chunk["choices"])


def open_stream(server, body=BODY, **options):
    return server.request("POST", "/v1/completions", body, **options)


def busy_slots(server):
    return sum(slot["is_processing"] for slot in server.request("GET", "/slots"))


def wait_until_idle(server):
    for _ in range(600):
        if busy_slots(server) == 0:
            return
        asyncio.run(asyncio.sleep(0.05))
    raise AssertionError("a slot stayed busy")


def test_iterates_over_chunks(demo_server):
    whole = demo_server.request("POST", "/v1/completions", {**BODY, "stream": False})
    assert texts(open_stream(demo_server)) == whole["choices"][0]["text"]


def test_the_end_stays_the_end(demo_server):
    stream = open_stream(demo_server)
    list(stream)
    assert list(stream) == []


def test_iterates_asynchronously(demo_server):
    async def collect():
        return [chunk async for chunk in open_stream(demo_server)]

    assert texts(asyncio.run(collect())) == texts(open_stream(demo_server))


def test_several_async_streams_at_once(demo_server):
    async def collect():
        return [chunk async for chunk in open_stream(demo_server)]

    async def together():
        return await asyncio.gather(*(collect() for _ in range(4)))

    assert all(texts(chunks) for chunks in asyncio.run(together()))


def test_leaving_the_block_frees_the_slot(demo_server):
    with open_stream(demo_server, ENDLESS) as stream:
        next(stream)
    wait_until_idle(demo_server)
    assert list(stream) == []


def test_dropping_the_stream_frees_the_slot(demo_server):
    stream = open_stream(demo_server, ENDLESS)
    next(stream)
    del stream
    gc.collect()
    wait_until_idle(demo_server)


def test_leaving_the_async_loop_frees_the_slot(demo_server):
    async def take_one():
        async for chunk in open_stream(demo_server, ENDLESS):
            return chunk

    assert asyncio.run(take_one())
    wait_until_idle(demo_server)


def test_timeout_covers_the_whole_stream(demo_server):
    stream = open_stream(demo_server, ENDLESS, timeout=1.0)
    with pytest.raises(xlc.RequestTimeoutError):
        for _ in stream:
            pass
    wait_until_idle(demo_server)


def test_messages_api_gives_its_events(demo_server):
    body = {"model": "x", "max_tokens": 8, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    kinds = [event["type"] for event in demo_server.request("POST", "/v1/messages", body)]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_parser_takes_any_cut(size):
    data = b'data: {"a": 1}\n\n:\n\nevent: x\ndata: {"b":\ndata: 2}\n\ndata: \xc3\xa9\n\ndata: [DONE]\n\n'
    parser = EventParser()
    events = [event for i in range(0, len(data), size) for event in parser.feed(data[i : i + size])]
    assert events == ['{"a": 1}', '{"b":\n2}', "é"]
