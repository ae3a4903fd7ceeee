"""AWS's binary event streams as text, for golden files: a message a line.

event messageStart {"role":"assistant"}       an event and its payload
exception throttlingException {"message":…}   an exception
error InternalError went wrong                an error of the protocol itself
chunk {"type":"message_stop"}                 an event of InvokeModel, whose payload is base64
bytes 3c68746d6c3e                            anything else, in hexadecimal
"""

from base64 import b64encode

from entresol.llm.aws_event_stream import EventMessage, EventStreamDecoder, EventStreamFault, encode_message

_JSON = "application/json"


def binary(text: bytes) -> bytes:
    """The stream that a golden file describes."""
    return b"".join(_frame(line) for line in text.decode().splitlines() if line)


def _frame(line: str) -> bytes:
    kind, _, rest = line.partition(" ")
    name, _, payload = rest.partition(" ")
    if kind == "bytes":
        return bytes.fromhex(rest)
    if kind == "chunk":
        name, kind, payload = "chunk", "event", f'{{"bytes":"{b64encode(rest.encode()).decode()}"}}'
    if kind == "error":
        return encode_message({":message-type": "error", ":error-code": name, ":error-message": payload}, b"")
    headers = {f":{kind}-type": name, ":content-type": _JSON, ":message-type": kind}
    return encode_message(headers, payload.encode())


def text(stream: bytes) -> bytes:
    """A stream as it stands in a golden file."""
    try:
        messages = EventStreamDecoder().feed(stream)
    except EventStreamFault:
        return b"bytes %b\n" % stream.hex().encode()
    return b"".join(_line(message) for message in messages)


def _line(message: EventMessage) -> bytes:
    kind = message.text(":message-type")
    if kind == "error":
        return f"error {message.text(':error-code')} {message.text(':error-message')}\n".encode()
    return f"{kind} {message.text(f':{kind}-type')} ".encode() + message.payload + b"\n"
