"""Many workers as one node: who starts and restarts them, and the state they share.

The supervisor is one small process without an event loop library, so that it may fork at any time. Workers are its
children; each has one end of a socket pair over which both sides send messages in batches (`messages`, `framing`).
Sans-IO machines hold what is shared (`lease_book`, `metric_board`); `supervise` moves the bytes.
"""
