"""The limits and clocks of the HTTP server. Sizes are bytes, times are seconds; a clock of 0 is switched off."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client connection may cost. The defaults suit clients on the open internet."""

    max_head: int = 32_768
    """Request line and header fields together, with their line ends. Over it: 431."""
    max_request_line: int = 8_192
    """The request line without its line end. Over it: 414."""
    max_headers: int = 100
    """How many header fields a request may have. Over it: 431. Trailer fields are counted apart."""
    max_body: int = 67_108_864
    """The request body without its framing; 0 means any size. Over it: 413. Plugins may ask for less."""
    max_pipelined: int = 65_536
    """Bytes of further requests taken in while one is answered. Over it, reading pauses."""
    max_discarded: int = 65_536
    """An answer that goes out before the request body is all there: read this much more and keep the connection;
    close it when there is more to come."""
    write_buffer: int = 65_536
    """Bytes waiting for a client above which the upstream is held back."""
    head_timeout_s: float = 60.0
    """From the first byte of a request to the end of its head (408), and from the connection to its first byte."""
    keep_alive_s: float = 75.0
    """How long a connection may idle between two requests."""
    body_timeout_s: float = 60.0
    """Without a byte of a request body that is under way: 408."""
    write_timeout_s: float = 60.0
    """Without a byte taken by a client that has bytes waiting; then the connection is broken off."""
    tunnel_idle_s: float = 3_600.0
    """Without a byte in either direction of a tunnel, such as a WebSocket."""
    linger_s: float = 5.0
    """How long to read on after an answer that refuses the rest of a request, so that the answer can be read."""
    tls_handshake_s: float = 10.0
    """From the connection to the end of the TLS handshake, and to the end of the PROXY protocol header."""
