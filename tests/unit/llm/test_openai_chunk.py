import msgspec

from entresol.llm.openai_chunk import ChunkWire


def test_a_chunk_is_read_by_its_fields() -> None:
    data = b'{"id":"c","choices":[{"index":0,"delta":{"content":"a","odd":1},"finish_reason":null}],"odd":2}'
    chunk = msgspec.json.decode(data, type=ChunkWire)
    assert chunk.choices is not None
    assert chunk.choices[0].delta is not None
    assert (chunk.id, chunk.choices[0].delta.content) == ("c", "a")


def test_content_may_come_in_parts() -> None:
    data = b'{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}'
    chunk = msgspec.json.decode(data, type=ChunkWire)
    assert chunk.choices is not None
    assert chunk.choices[0].delta is not None
    assert chunk.choices[0].delta.content == [{"type": "text", "text": "a"}]
