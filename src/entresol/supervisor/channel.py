"""The supervisor's end of the socket pair to one worker: never blocks, sends in batches."""

import socket
from typing import Final

from entresol.supervisor.framing import frame, worker_messages
from entresol.supervisor.messages import FromSupervisor, FromWorker

_READ_SIZE: Final = 262_144


class Channel:
    """`send` collects, `flush` writes as much as the socket takes."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._reader = worker_messages()
        self._batch: list[FromSupervisor] = []
        self._unsent = bytearray()

    def send(self, message: FromSupervisor) -> None:
        """Add a message to the next batch."""
        self._batch.append(message)

    def flush(self) -> bool:
        """Write what there is. True when something is left, so that the socket must be watched for room."""
        if self._batch:
            self._unsent += frame(self._batch)
            self._batch.clear()
        while self._unsent:
            try:
                sent = self.sock.send(self._unsent)
            except BlockingIOError:
                return True
            except OSError:  # the worker is gone; its end is noticed when reading
                self._unsent.clear()
                return False
            del self._unsent[:sent]
        return False

    def receive(self) -> list[FromWorker] | None:
        """The messages that have arrived; None when the worker is gone."""
        try:
            data = self.sock.recv(_READ_SIZE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return list(self._reader.feed(data)) if data else None

    def close(self) -> None:
        """Close this end."""
        self.sock.close()
