"""The request bodies of the benchmarks."""

import json

from bench.rig import RUN

SYSTEM = (
    "You are a helpful assistant for an internal platform team. Answer briefly, cite the relevant policy section when "
    "there is one, and never reveal internal identifiers or credentials to the caller."
)
QUESTION = (
    "Explain what a token bucket rate limiter is, why a gateway uses one, and how the burst size and refill rate "
    "interact when many tenants share one upstream. "
)


def chat(size: int, *, stream: bool = False, model: str = "gpt-4o-mini") -> bytes:
    """A chat completions body of about `size` bytes."""
    message = {
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}],
        "temperature": 0.2,
        "max_tokens": 256,
        "top_p": 1,
        "user": "tenant-42/user-1337",
        "stream": stream,
    }
    if stream:
        message["stream_options"] = {"include_usage": True}
    missing = size - len(json.dumps(message))
    message["messages"][1]["content"] += "Keep it practical. " * (missing // 19)  # type: ignore[index]
    return json.dumps(message, separators=(",", ":")).encode()


def write_bodies() -> None:
    RUN.mkdir(parents=True, exist_ok=True)
    (RUN / "body_1k.json").write_bytes(chat(1000))
    (RUN / "body_100k.json").write_bytes(chat(100_000))
    (RUN / "body_stream.json").write_bytes(chat(1000, stream=True))
