"""Entresol: one AI gateway with two floors."""

__version__ = "0.1.0"
