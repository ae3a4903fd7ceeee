"""Writes forms as SDKs do, to ask the scripted provider with."""

from entresol.scripted.endpoints import Answered
from unit.scripted.asking import ask

WAV = ("file", "a.wav", b"RIFF" + bytes(40))


def form(*parts: tuple[str, str | None, bytes | str], boundary: str = "bnd") -> bytes:
    """A form: name, file name or None, value."""
    pieces = []
    for name, filename, value in parts:
        said = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        data = value.encode() if isinstance(value, str) else value
        pieces.append(f"--{boundary}\r\nContent-Disposition: {said}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


def post(path: str, *parts: tuple[str, str | None, bytes | str]) -> Answered:
    """Send a form."""
    return ask(path, raw=form(*parts), headers={"content-type": "multipart/form-data; boundary=bnd"})
