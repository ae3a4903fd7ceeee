"""The part of the command line about people, keys and the store."""

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entresol.config import Settings

Run = Callable[["Settings", argparse.Namespace], Iterator[str]]
AddSettings = Callable[[argparse.ArgumentParser], None]


def add_identity_commands(commands: Any, add_settings: AddSettings, run: Callable[[Run], Callable[..., int]]) -> None:
    """Add them. `run` makes a command of what yields its lines."""

    def command(parent: Any, name: str, help_text: str, work: Run) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = parent.add_parser(name, help=help_text)
        add_settings(parser)
        parser.set_defaults(run=run(work))
        return parser

    command(commands, "init", "print the link by which the first administrator sets up the gateway", _init)
    command(commands, "migrate", "bring the store's tables to what this version needs", _migrate)
    upgrade = command(commands, "upgrade", "say what `migrate` would do", _upgrade)
    upgrade.add_argument("--check", action="store_true", required=True, help="only say it")
    users = commands.add_parser("users", help="people").add_subparsers(required=True, metavar="ACTION")
    command(users, "list", "everybody", _users_list)
    invite = command(users, "invite", "print a link by which somebody sets a password", _users_invite)
    invite.add_argument("username", metavar="NAME")
    invite.add_argument("--organisation", metavar="NAME")
    command(users, "disable", "let somebody in no more", _users_disable).add_argument("username", metavar="NAME")
    keys = commands.add_parser("keys", help="virtual keys").add_subparsers(required=True, metavar="ACTION")
    command(keys, "list", "all keys", _keys_list)
    _add_wanted(command(keys, "create", "make a key; it is shown once", _keys_create))
    rotate = command(keys, "rotate", "another text for the same key", _keys_rotate)
    rotate.add_argument("key", metavar="ID")
    rotate.add_argument(
        "--overlap", type=int, default=86_400, metavar="SECONDS", help="how long the old one stays good"
    )
    command(keys, "revoke", "end a key now", _keys_revoke).add_argument("key", metavar="ID")
    idp = commands.add_parser("idp", help="trusted issuers").add_subparsers(required=True, metavar="ACTION")
    command(idp, "list", "all issuers", _idp_list)
    tested = command(idp, "test", "ask an issuer for its keys, and show what claims would mean here", _idp_test)
    tested.add_argument("name", metavar="NAME")
    tested.add_argument("--claims", metavar="FILE", help="claims of a token, as JSON; - reads standard input")
    secret = commands.add_parser("secrets", help="keys of secrets in the store").add_subparsers(
        required=True, metavar="ACTION"
    )
    command(secret, "rotate", "a new data key, and every secret sealed with it", _secrets_rotate)
    changed = command(secret, "change-master-key", "encrypt the data keys with another master key", _secrets_change)
    changed.add_argument("--to", required=True, metavar="KEY", help="file:PATH or env:NAME")
    for name, help_text, work in (
        ("login", "sign in at a gateway, by a browser", _login),
        ("whoami", "say who is signed in, and what they may do", _whoami),
        ("logout", "give the login back", _logout),
    ):
        command(commands, name, help_text, work).add_argument("--url", help="the gateway's issuer")


def _add_wanted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--for", dest="owner", required=True, metavar="OWNER", help="user:NAME or service:NAME")
    parser.add_argument("--name", required=True, help="what it is for")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="repeatable; the default is llm")
    parser.add_argument("--model", action="append", metavar="MODEL", help="only these models; repeatable")
    parser.add_argument("--tool", action="append", metavar="TOOL", help="only these tools; repeatable")
    parser.add_argument("--address", action="append", metavar="NETWORK", help="only from these addresses; repeatable")
    parser.add_argument("--expires-days", type=int, metavar="DAYS")


def _init(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import init

    return init(settings)


def _migrate(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.store_commands import migrate

    return migrate(settings)


def _upgrade(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.store_commands import upgrade_check

    return upgrade_check(settings)


def _users_list(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import users_list

    return users_list(settings)


def _users_invite(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import users_invite

    return users_invite(settings, options.username, options.organisation)


def _users_disable(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import users_disable

    return users_disable(settings, options.username)


def _keys_list(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import keys_list

    return keys_list(settings)


def _keys_create(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    import time

    from entresol.app.identity_commands import keys_create
    from entresol.identity.virtual_keys import Wanted

    def bound(values: list[str] | None) -> tuple[str, ...] | None:
        return None if values is None else tuple(values)

    days = options.expires_days
    wanted = Wanted(
        name=options.name,
        scopes=bound(options.scope) or ("llm",),
        models=bound(options.model),
        tools=bound(options.tool),
        addresses=bound(options.address),
        expires_at=None if days is None else int(time.time()) + days * 86_400,
    )
    return keys_create(settings, options.owner, wanted)


def _keys_rotate(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import keys_rotate

    return keys_rotate(settings, options.key, options.overlap)


def _idp_list(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.idp_commands import idp_list

    return idp_list(settings)


def _idp_test(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.idp_commands import idp_test

    return idp_test(settings, options.name, options.claims)


def _login(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    import os

    from entresol.app.login_commands import login
    from entresol.app.signed_in import login_file

    return login(_url(settings, options), login_file(os.environ))


def _whoami(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    import os

    from entresol.app.login_commands import whoami
    from entresol.app.signed_in import login_file

    return whoami(_url(settings, options), login_file(os.environ))


def _logout(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    import os

    from entresol.app.login_commands import logout
    from entresol.app.signed_in import login_file

    return logout(_url(settings, options), login_file(os.environ))


def _url(settings: "Settings", options: argparse.Namespace) -> str:
    url: str = options.url or settings.identity.issuer
    return url.rstrip("/")


def _secrets_rotate(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.secrets_commands import secrets_rotate

    return secrets_rotate(settings)


def _secrets_change(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.secrets_commands import secrets_change_master_key

    return secrets_change_master_key(settings, options.to)


def _keys_revoke(settings: "Settings", options: argparse.Namespace) -> Iterator[str]:
    from entresol.app.identity_commands import keys_revoke

    return keys_revoke(settings, options.key)
