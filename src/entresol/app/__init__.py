"""The composition root: settings and a configuration in, a running node out. The only package that wires.

`node` runs one worker (`run_alone`) or a supervisor with several (`run_supervised`). A worker is a `gateway.Gateway`,
which owns everything between its listening sockets and its upstream connections, and one of two lives around it:
`alone` reads and reloads the configuration itself, `supervised` is told by the supervisor.
"""
