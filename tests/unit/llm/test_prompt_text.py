import base64
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm.prompt_text import read_prompts, refuse_repeated_keys


def turns(body: Any) -> list[tuple[str, list[str]]]:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return [(prompt.role, prompt.texts) for prompt in read_prompts(raw)]


def code_of(body: bytes) -> str:
    with pytest.raises(ClientError) as caught:
        read_prompts(body)
    return caught.value.code


ENCODED = b64encode(b"hidden").decode()


def user(*parts: Any) -> Any:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def assistant(**fields: Any) -> Any:
    return {"messages": [{"role": "assistant", **fields}]}


def gemini(mime_type: str, data: str) -> Any:
    return {"contents": [{"parts": [{"inlineData": {"mimeType": mime_type, "data": data}}]}]}


@pytest.mark.parametrize(
    "body",
    [
        user({"type": "image_url", "image_url": {"url": f"data:text/plain;base64,{ENCODED}"}}),
        user({"type": "input_image", "image_url": f"data:application/json;base64,{ENCODED}"}),
        user({"type": "file", "file": {"file_data": f"data:application/json;base64,{ENCODED}"}}),
        user({"type": "file", "file": {"file_data": f"DATA:TEXT/PLAIN;charset=utf-8;BASE64,{ENCODED}"}}),
        user({"type": "file", "file": {"file_data": ENCODED}}),
        user({"type": "file", "file": {"filename": "hidden", "file_id": "f"}}),
        user({"type": "document", "source": {"type": "base64", "media_type": "application/json", "data": ENCODED}}),
        gemini("application/x-javascript", ENCODED),
        assistant(tool_calls=[{"type": "custom", "custom": {"input": "hidden"}}]),
        assistant(reasoning_content="hidden"),
        assistant(reasoning="hidden"),
        assistant(audio={"transcript": "hidden"}),
        assistant(content=[{"type": "text", "citations": [{"cited_text": "hidden"}]}]),
        {"prediction": {"type": "content", "content": "hidden"}},
    ],
)
def test_text_is_found_where_only_some_provider_reads_it(body: Any) -> None:
    assert [texts for _, texts in turns(body)] == [["hidden"]]


def test_a_file_that_is_no_text_is_not_read() -> None:
    for kind in ("application/zip", "application/octet-stream", "image/png", ""):
        assert turns(gemini(kind, b64encode(b"\xff\x00\xfe").decode())) == [("user", [])]
    assert turns(gemini("image/png", ENCODED)) == [("user", [])]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # OpenAI chat
        ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, [("user", ["hi"])]),
        (
            {
                "messages": [
                    {"role": "developer", "content": "d"},
                    {"role": "assistant", "content": None, "refusal": "r"},
                ]
            },
            [("system", ["d"]), ("assistant", ["r"])],
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "one"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                            {"type": "text", "text": "two"},
                        ],
                    }
                ]
            },
            [("user", ["one", "two"])],
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]}]},
            [("assistant", ["f", '{"a":1}'])],
        ),
        ({"messages": [{"role": "tool", "content": "found", "tool_call_id": "x"}]}, [("tool", ["found"])]),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "file", "file": {"file_data": f"data:text/plain;base64,{ENCODED}"}}],
                    }
                ]
            },
            [("user", ["hidden"])],
        ),
        # completions, embeddings, images
        ({"prompt": "p"}, [("user", ["p"])]),
        ({"prompt": ["p", "q"], "suffix": "s"}, [("user", ["p"]), ("user", ["q"]), ("user", ["s"])]),
        ({"input": "e"}, [("user", ["e"])]),
        # Responses
        (
            {
                "instructions": "i",
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "t"}]},
                    {"type": "function_call", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "output": "o"},
                    {"type": "message", "content": "no role"},
                ],
            },
            [("system", ["i"]), ("user", ["t"]), ("assistant", ["f", "{}"]), ("tool", ["o"]), ("user", ["no role"])],
        ),
        # Anthropic
        (
            {
                "system": [{"type": "text", "text": "s"}],
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "r"}]},
                            {
                                "type": "document",
                                "title": "t",
                                "context": "c",
                                "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                            },
                            {
                                "type": "document",
                                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
                            },
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                            {
                                "type": "search_result",
                                "source": "u",
                                "title": "h",
                                "content": [{"type": "text", "text": "x"}],
                            },
                        ],
                    },
                    {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {"q": ["deep"]}}]},
                ],
            },
            [("system", ["s"]), ("user", ["r", "t", "c", "d", "u", "h", "x"]), ("assistant", ["f", "q", "deep"])],
        ),
        # Gemini
        (
            {
                "systemInstruction": {"role": "user", "parts": [{"text": "s"}]},
                "contents": [
                    {"parts": [{"text": "no role"}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": "b"}}}]},
                    {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"k": "v"}}}]},
                    {"role": "user", "parts": [{"inlineData": {"mimeType": "text/plain", "data": ENCODED}}]},
                    {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]},
                ],
            },
            [
                ("system", ["s"]),
                ("user", ["no role"]),
                ("assistant", ["f", "a", "b"]),
                ("user", ["f", "k", "v"]),
                ("user", ["hidden"]),
                ("user", []),
            ],
        ),
        ({"contents": {"role": "user", "parts": {"text": "one, not a list"}}}, [("user", ["one, not a list"])]),
        ({"requests": [{"content": {"parts": [{"text": "batch"}]}}]}, [("user", ["batch"])]),
        # Bedrock
        (
            {
                "system": [{"text": "s"}],
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"text": "t"},
                            {"document": {"format": "txt", "name": "n", "source": {"bytes": ENCODED}}},
                            {"toolResult": {"content": [{"json": {"k": "v"}}]}},
                            {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
                        ],
                    }
                ],
            },
            [("system", ["s"]), ("user", ["t", "hidden", "format", "txt", "name", "n", "source", "k", "v"])],
        ),
        ({"inputText": "titan"}, [("user", ["titan"])]),
        # Cohere
        (
            {"message": "now", "chat_history": [{"role": "CHATBOT", "message": "then"}], "preamble": "p"},
            [("user", ["now"]), ("assistant", ["then"]), ("system", ["p"])],
        ),
        ({"texts": ["a"], "query": "q"}, [("user", ["a"]), ("user", ["q"])]),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_plan": "p"},
                    {
                        "role": "tool",
                        "content": [
                            {"type": "document", "document": {"id": "i", "data": {"sky": "rain"}}},
                            {"type": "document", "document": {"data": "words"}},
                        ],
                    },
                ],
                "documents": ["a", {"data": {"title": "t", "any": ["b"]}}, {"data": "c", "id": "d"}, {"text": "e"}],
            },
            [
                ("assistant", ["p"]),
                ("tool", ["id", "i", "data", "sky", "rain", "data", "words"]),
                ("user", ["a", "title", "t", "any", "b", "c", "e"]),
            ],
        ),
        # Hugging Face
        ({"inputs": ["x", "y"]}, [("user", ["x"]), ("user", ["y"])]),
        # Ollama
        (
            {"prompt": "p", "system": "s", "template": "t {{ .Prompt }}", "suffix": "u", "context": []},
            [("user", ["p"]), ("system", ["s"]), ("user", ["t {{ .Prompt }}"]), ("user", ["u"])],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "c", "images": ["AAAA"]},
                    {"role": "assistant", "thinking": "h", "tool_calls": [{"function": {"arguments": {"k": "v"}}}]},
                    {"role": "tool", "content": "r", "tool_name": "n"},
                ]
            },
            [("user", ["c"]), ("assistant", ["h", "k", "v"]), ("tool", ["r", "n"])],
        ),
    ],
)
def test_text_is_found_in_every_format(body: Any, expected: list[tuple[str, list[str]]]) -> None:
    assert turns(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"Messages":[{"role":"user","content":"x"}]}',
        b'{"messages":[{"Role":"user","Content":"x"}]}',
        b'{"messages":[{"role":"assistant","Role":"assistant","content":"x"}]}',
        b'{"messages":[{"role":7,"content":"x"}]}',
        b'{"messages":[{"role":"USER","content":"x"}]}',
        b'{"messages":{"role":"user","content":"x"}}',
        b'{"messages":["x"]}',
        b'{"messages":"x"}',
    ],
)
def test_an_odd_spelling_hides_nothing(body: bytes) -> None:
    assert turns(body) == [("user", ["x"])]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"not json", "bad_json"),
        (b'{"messages":[', "bad_json"),
        (b'{"messages":"\xff"}', "bad_json"),
        (b'{"messages":' + b"[" * 5000 + b"]" * 5000 + b"}", "bad_json"),
        (b"[1]", "prompt_not_found"),
        (b"{}", "prompt_not_found"),
        (b'{"model":"m"}', "prompt_not_found"),
        (b'{"prompt":[1,2,3]}', "prompt_not_readable"),
        (b'{"prompt":[[1,2],[3]]}', "prompt_not_readable"),
        (b'{"input":[5]}', "prompt_not_readable"),
        (b'{"prompt":"x","context":[1,2]}', "prompt_not_readable"),
        (b'{"input":true}', "prompt_not_readable"),
        (
            b'{"contents":[{"parts":[{"inlineData":{"mimeType":"text/plain","data":"/w=="}}]}]}',
            "prompt_not_readable",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, code: str) -> None:
    assert code_of(body) == code


REPEATED = [
    b'{"messages":[{"role":"user","content":"evil"}],"messages":[]}',
    b'{"messages":[{"role":"user","content":"evil"}],"mess\\u0061ges":[]}',
    b'{"messages":[{"role":"user","content":"evil","content":"fine"}]}',
    b'{"messages":[{"role":"user" ,"role" : "assistant","content":"x"}]}',
    b'{"messages":[{"role":"user","content":[{"type":"text","text":"evil","text":"fine"}]}]}',
    b'{"messages":[{"role":"user","content":"evil","content":null}]}',
    b'{"contents":[{"parts":[{"text":"evil"}],"parts":[]}]}',
    b'{"contents":[{"parts":[{"functionResponse":{"response":{"a":"evil","a":"fine"}}}]}]}',
]


@pytest.mark.parametrize("body", REPEATED)
def test_a_key_that_is_said_twice_is_refused(body: bytes) -> None:
    assert code_of(body) == "repeated_json_key"


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"role":"user","content":"say \\"content\\": and \\"role\\":"}]}',
        b'{"messages":[{"role":"user","content":"x"}],"tools":[{"function":{"parameters":{"properties":{"content":{},"text":{}}}}}]}',
        b'{"messages":[{"role":"user","content":[{"type":"text","text":"text"}]}]}',
        b'{"messages":[{"role":"user","content":"\\u0061scii"}]}',
    ],
)
def test_words_that_look_like_keys_are_no_repetition(body: bytes) -> None:
    assert len(turns(body)) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab\\"\u00e9', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["messages", "content", "text", "parts", "role", "a"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_either_read_or_refused_with_a_code(value: Any) -> None:
    body = msgspec.json.encode(value)
    try:
        code = None
        read_prompts(body)
    except ClientError as error:
        code = error.code
    assert code in {None, "prompt_not_found", "prompt_not_readable"}


@given(st.lists(st.tuples(st.sampled_from(["role", "content", "text", "a"]), st.text("xy", max_size=2)), max_size=6))
def test_repeated_keys_of_a_turn_are_never_missed(pairs: list[tuple[str, str]]) -> None:
    members = ",".join(f'"{key}":"{value}"' for key, value in pairs)
    body = f'{{"messages":[{{{members}}}]}}'.encode()
    looked_at = [key for key, _ in pairs if key != "a"]
    if len(set(looked_at)) != len(looked_at):
        assert code_of(body) == "repeated_json_key"
    elif len({key for key, _ in pairs}) == len(pairs):
        refuse_repeated_keys(body)
        turns(body)


def test_a_key_repeated_in_a_documents_data_is_refused() -> None:
    with pytest.raises(ClientError) as raised:
        read_prompts(b'{"query":"q","documents":[{"data":{"a":"x","a":"y"}}]}')
    assert raised.value.code == "repeated_json_key"


def _invoked(body: bytes) -> dict[str, Any]:
    return {"input": {"invokeModel": {"body": base64.b64encode(body).decode()}}}


@pytest.mark.parametrize(
    "body",
    [
        {"generateContentRequest": {"model": "models/m", "contents": [{"parts": [{"text": "secret"}]}]}},
        {"generate_content_request": {"contents": [{"parts": [{"text": "secret"}]}]}},
        {"contents": [], "generateContentRequest": {"contents": [{"parts": [{"text": "secret"}]}]}},
        {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "secret"}]}]}}},
        {"input": {"Converse": {"messages": [{"role": "user", "content": [{"text": "secret"}]}]}}},
        _invoked(b'{"anthropic_version":"v","messages":[{"role":"user","content":"secret"}]}'),
        _invoked(b'{"inputText":"secret"}'),
    ],
)
def test_a_request_within_one_that_counts_its_tokens_is_read(body: dict[str, Any]) -> None:
    prompts = read_prompts(msgspec.json.encode(body))
    assert ("user", ["secret"]) in [(prompt.role, prompt.texts) for prompt in prompts]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"input":{"converse":{"messages":[]},"converse":{"messages":[]}}}', "repeated_json_key"),
        (b'{"generateContentRequest":{"contents":[]},"generateContentRequest":{"contents":[]}}', "repeated_json_key"),
        (b'{"input":{"invokeModel":{"body":"e30=","body":"e30="}}}', "prompt_not_found"),
        (b'{"input":{"invokeModel":{"body":"%"}}}', "bad_json"),
        (b'{"input":{"invokeModel":{"body":"/w=="}}}', "prompt_not_readable"),
        (b'{"generateContentRequest":{"model":"m"}}', "prompt_not_found"),
        (msgspec.json.encode(_invoked(b'{"messages":[],"messages":[]}')), "repeated_json_key"),
    ],
)
def test_what_counting_could_hide_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        read_prompts(body)
    assert caught.value.code == code
