"""The command line: thin, and quick to start. What a command needs is imported when it runs.

Exit codes: 0 good, 1 the configuration, settings or the run are at fault, 2 the command line is.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from entresol import __version__
from entresol.cli_identity import Run, add_identity_commands
from entresol.core.printable import printable

if TYPE_CHECKING:
    from entresol.app.node import Addresses
    from entresol.config import Settings
    from entresol.supervisor.loader import Document


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Whatever goes wrong is one clear line on standard error, never a traceback."""
    options = _parser().parse_args(arguments)
    from entresol.core.errors import GatewayError

    try:
        code: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `entresol plugins list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except GatewayError as error:
        return _complain(error.message)
    except OSError as error:
        return _complain(str(error))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="entresol", description="An open-source AI gateway.")
    parser.add_argument("--version", action="version", version=f"entresol {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the gateway")
    serve.add_argument("-c", "--config", metavar="FILE", help="the declarative file")
    _add_settings(serve)
    serve.add_argument("--listen", action="append", metavar="ADDRESS", help="where clients connect; repeatable")
    serve.add_argument("--status-listen", action="append", metavar="ADDRESS", help="status and metrics; '' for none")
    serve.add_argument("--workers", metavar="N", help="worker processes, or 'auto' for one a core")
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    serve.set_defaults(run=_serve)
    check = commands.add_parser("check", help="say everything that is wrong with a declarative file")
    check.add_argument("file", metavar="FILE")
    _add_settings(check)
    check.set_defaults(run=_check)
    demo = commands.add_parser("demo", help="run the gateway with a scripted provider; needs no key and no network")
    demo.add_argument("--once", action="store_true", help="make the calls and exit; 1 when one failed")
    demo.add_argument("--port", type=int, metavar="PORT", help="of the proxy; the default is 8000, or any free one")
    demo.set_defaults(run=_demo)
    plugins = commands.add_parser("plugins", help="about plugins")
    actions = plugins.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the plugins that are installed, in the order they run")
    listing.set_defaults(run=_plugins_list)
    config = commands.add_parser("config", help="about declarative files")
    schema = config.add_subparsers(required=True, metavar="ACTION").add_parser("schema", help="their JSON Schema")
    schema.set_defaults(run=_config_schema)
    _add_prices(commands.add_parser("prices", help="what models cost"))
    add_identity_commands(commands, _add_settings, _said)
    commands.add_parser("version", help="say the version").set_defaults(run=_version)
    return parser


def _add_prices(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    update = actions.add_parser("update", help="put a newer price table in place")
    update.add_argument("--from", dest="source", metavar="FILE", required=True, help="the new table")
    update.add_argument("--force", action="store_true", help="even if it is older, or from another source")
    update.set_defaults(run=_prices_update)
    show = actions.add_parser("show", help="the prices of a model; * marks those in force")
    show.add_argument("model", metavar="MODEL")
    show.add_argument("--provider", metavar="NAME", help="only this one's")
    show.set_defaults(run=_prices_show)
    check = actions.add_parser("check", help="prices that disagree, and models without one")
    check.add_argument("--against", metavar="FILE", help="compare with another price table")
    check.add_argument("-c", "--config", metavar="FILE", help="a declarative file: has each of its models a price?")
    check.set_defaults(run=_prices_check)
    for action in (update, show, check):
        _add_settings(action)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", metavar="FILE", help="settings, YAML; see docs/reference/settings.md")


# Commands.


def _serve(options: argparse.Namespace) -> int:
    from entresol.app.hang_ups import hang_ups_wait

    with hang_ups_wait():
        return _serve_as_said(options)


def _serve_as_said(options: argparse.Namespace) -> int:
    from entresol.telemetry.node_log import log_to_stderr

    settings = _settings(options.settings, _serve_flags(options))
    if settings is None:
        return 1
    if settings.configuration.file is None:
        return _complain("which configuration? use -c FILE")
    log_to_stderr(settings.log.level)
    return _serve_alone(settings) if settings.worker_count == 1 else _serve_supervised(settings)


def _serve_alone(settings: "Settings") -> int:
    from entresol.app.configuration import read_document
    from entresol.app.node import run_alone
    from entresol.supervisor.loader import Refused

    found = read_document(settings, os.environ)
    if isinstance(found, Refused):
        return _refuse(settings.configuration.file or "", found.errors)
    document, configuration = found
    _warn(document)
    return run_alone(settings, document, configuration, _announce)


def _serve_supervised(settings: "Settings") -> int:
    from entresol.app.configuration import check_configuration
    from entresol.app.node import run_supervised
    from entresol.supervisor.loader import Refused

    found = check_configuration(settings, os.environ)  # or workers would find out, again and again
    if isinstance(found, Refused):
        return _refuse(settings.configuration.file or "", found.errors)
    _warn(found)
    return run_supervised(settings, found, _announce)


def _serve_flags(options: argparse.Namespace) -> dict[str, object]:
    """Settings that were given as flags."""
    flags: dict[str, object] = {}
    if options.config is not None:
        flags["configuration.file"] = options.config
    if options.listen is not None:
        flags["proxy.listen"] = options.listen
    if options.status_listen is not None:
        flags["status.listen"] = [address for address in options.status_listen if address]
    if options.workers is not None:
        flags["workers.count"] = int(options.workers) if options.workers.isdecimal() else options.workers
    if options.log_level is not None:
        flags["log.level"] = options.log_level
    return flags


def _check(options: argparse.Namespace) -> int:
    from entresol.app.configuration import check_configuration
    from entresol.supervisor.loader import Refused

    settings = _settings(options.settings, {"configuration.file": options.file})
    if settings is None:
        return 1
    with _quietly():
        found = check_configuration(settings, os.environ)
    if isinstance(found, Refused):
        return _refuse(options.file, found.errors)
    for warning in found.warnings:
        print(printable(f"{options.file}: warning: {warning}"), file=sys.stderr)
    _say(f"{options.file}: ok (version {found.version})")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from entresol.demo import run_demo

    return run_demo(port=options.port, once=options.once)


def _plugins_list(options: argparse.Namespace) -> int:
    from entresol.api_floor.registry import PluginRegistry
    from entresol.core.errors import ConfigError

    registry = PluginRegistry.installed()
    found, broken = [], []
    for name in registry.names():
        try:
            with _quietly():
                plugin = registry.find(name)
        except ConfigError as error:
            broken.append(error.message)
        else:
            if plugin is not None:
                found.append((-plugin.priority, name, plugin.__module__))
    for priority, name, module in sorted(found):
        print(f"{-priority:>8}  {name:<24} {module}")
    for message in broken:
        _complain(message)
    return 1 if broken else 0


def _config_schema(options: argparse.Namespace) -> int:
    import msgspec

    from entresol.store.declarative_schema import file_schema

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(file_schema())) + b"\n")
    return 0


def _prices_update(options: argparse.Namespace) -> int:
    from entresol.app.prices_command import update

    settings = _settings(options.settings, {})
    if settings is None:
        return 1
    for line in update(settings.prices, options.source, options.force):
        _say(line)
    return 0


def _prices_show(options: argparse.Namespace) -> int:
    import time

    from entresol.app.prices_command import show

    settings = _settings(options.settings, {})
    if settings is None:
        return 1
    lines = list(show(settings.prices, options.model, options.provider, time.time()))
    for line in lines:
        _say(line)
    return 0 if lines else _complain(f"no price is known for {options.model}")


def _prices_check(options: argparse.Namespace) -> int:
    import time

    from entresol.app.configuration import read_document
    from entresol.app.prices_command import check
    from entresol.supervisor.loader import Refused

    settings = _settings(options.settings, {} if options.config is None else {"configuration.file": options.config})
    if settings is None:
        return 1
    configuration = None
    if options.config is not None:
        with _quietly():
            found = read_document(settings, os.environ)
        if isinstance(found, Refused):
            return _refuse(options.config, found.errors)
        configuration = found[1]
    lines = check(settings.prices, options.against, configuration, time.time())
    for line in lines:
        _say(line)
    return 1 if lines else 0


def _version(options: argparse.Namespace) -> int:
    print(f"entresol {__version__}")
    return 0


# What they share.


@contextmanager
def _quietly() -> Iterator[None]:
    """For commands that report by themselves: what is logged on the way, tracebacks above all, is not for users."""
    import logging

    ours = logging.getLogger("entresol")
    nowhere, before = logging.NullHandler(), ours.propagate
    ours.addHandler(nowhere)
    ours.propagate = False
    try:
        yield
    finally:
        ours.removeHandler(nowhere)
        ours.propagate = before


def _settings(file: str | None, flags: Mapping[str, object]) -> "Settings | None":
    """The settings, or None when they are wrong, which has been said then."""
    from entresol.config import load_settings

    text = None
    if file is not None:
        try:
            with open(file, "rb") as source:
                text = source.read()
        except OSError as error:
            _complain(f"{file}: {error.strerror}")
            return None
    settings = load_settings(text, os.environ, flags)
    if isinstance(settings, list):
        _refuse(file or "settings", [str(violation) for violation in settings])
        return None
    return settings


def _warn(document: "Document") -> None:
    import logging

    for warning in document.warnings:
        logging.getLogger("entresol.node").warning("configuration: %s", warning)


def _announce(addresses: "Addresses") -> None:
    """Say on standard output that requests are taken; whoever started us may wait for this line."""
    status = f"; status on {', '.join(addresses.status)}" if addresses.status else ""
    identity = f"; sign-in on {', '.join(addresses.identity)}" if addresses.identity else ""
    _say(f"entresol {__version__} is ready on {', '.join(addresses.proxy)}{status}{identity}")


def _said(work: Run) -> Callable[[argparse.Namespace], int]:
    """A command that prints what the work yields."""

    def run(options: argparse.Namespace) -> int:
        settings = _settings(options.settings, {})
        if settings is None:
            return 1
        for line in work(settings, options):
            _say(line)
        return 0

    return run


def _refuse(what: str, errors: Sequence[str]) -> int:
    """Say everything that is wrong with a file."""
    _complain(f"{what}: {len(errors)} {'error' if len(errors) == 1 else 'errors'}")
    for error in errors:
        print(f"  {printable(error)}", file=sys.stderr)
    return 1


def _complain(message: str) -> int:
    print(f"entresol: {printable(message)}", file=sys.stderr)
    return 1


def _say(line: str) -> None:
    print(printable(line), flush=True)
