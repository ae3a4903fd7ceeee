"""`entresol demo`: the gateway in one command, with a scripted provider instead of a real one."""

from entresol.demo.show import run_demo

__all__ = ["run_demo"]
