"""References in files: values that come from the environment, so that a file holds no secrets.

- `{vault://env/openai-api-key}` (Kong's env vault): `OPENAI_API_KEY`; a JSON key may follow, `{vault://env/creds/key}`;
  `?prefix=APP_` puts a prefix before the name. May stand within a longer text.
- `${{ env "DECK_NAME" }}` (decK): names must start with `DECK_`. decK pastes text before it parses; here the value
  stays one value whatever it contains.

Every text with a reference becomes a `Secret`. The loader reveals it where a field is not confidential.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from entresol.core.schema import Violation, Violations
from entresol.core.secret import Secret

_VAULT: Final = re.compile(r"\{vault://([^/{}?]+)/([^/{}?]+)(?:/([^{}?]*))?(?:\?([^{}]*))?\}")
_DECK: Final = re.compile(r"\$\{\{\s*env\s+(?:\\?[\"'`])?([^\"'`\\\s|}]+)(?:\\?[\"'`])?\s*(?:\|\s*\w+\s*)?\}\}")
_QUOTED_NAME: Final = re.compile(r"""(\$\{\{\s*env\s+)\\?"([^"\\\s}]+)\\?"(?=[^}"]*\}\})""")
_DECK_PREFIX: Final = "DECK_"


def without_quotes(text: str) -> str:
    """A file's text with decK's `${{ env "X" }}` as `${{ env X }}`: quotes that decK has replaced before it parses may
    stand, unescaped, in a text that is in quotes itself."""
    return _QUOTED_NAME.sub(r"\1\2", text) if "${{" in text else text


class ReferenceResolver:
    """Replaces references in data, remembering what has no value."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.violations: Violations = []
        self.warnings: Violations = []
        self._environment = environment

    def resolve(self, data: Any, path: str = "") -> Any:
        """A copy of the data with a `Secret` for every text that holds a reference. Depth is the reader's limit."""
        if isinstance(data, str):
            return self._text(data, path) if "{" in data else data
        if isinstance(data, dict):
            return {key: self.resolve(value, f"{path}.{key}" if path else str(key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.resolve(value, f"{path}[{index}]") for index, value in enumerate(data)]
        return data

    def _text(self, text: str, path: str) -> str | Secret:
        missing: list[str] = []
        found = 0

        def vault(match: re.Match[str]) -> str:
            nonlocal found
            found += 1
            return self._vault(match, path, missing)

        def deck(match: re.Match[str]) -> str:
            nonlocal found
            found += 1
            return self._deck(match[1], path, missing)

        value = "".join(piece if is_value else _VAULT.sub(vault, piece) for piece, is_value in _pieces(text, deck))
        if not found:
            if "{vault://" in text:
                self.violations.append(Violation(path, "not a reference: expected {vault://env/NAME}"))
            return text
        if not _is_unicode(value):  # the environment holds bytes
            self.violations.append(Violation(path, "the value of the reference is not UTF-8"))
        return Secret(None if missing else value, reference=_DECK.sub(_quoted, text), missing=tuple(missing))

    def _vault(self, match: re.Match[str], path: str, missing: list[str]) -> str:
        vault, key, subkey, query = match.groups()
        if vault != "env":
            self.violations.append(Violation(path, f"vault '{vault}' is not supported yet; supported: env"))
            return ""
        prefix = "".join(part[7:] for part in (query or "").split("&") if part.startswith("prefix="))
        name = (prefix + key).upper().replace("-", "_")
        value = self._environment.get(name)
        if value is not None and subkey:
            value = _json_subkey(value, subkey)
        if value is None:
            missing.append(match[0])
            self.warnings.append(
                Violation(path, f"no value for {match[0]}: {name} is not set" + (" or lacks the key" if subkey else ""))
            )
            return ""
        return value

    def _deck(self, name: str, path: str, missing: list[str]) -> str:
        if not name.startswith(_DECK_PREFIX):
            message = f"environment variables in the state file must be prefixed with 'DECK_', found: '{name}'"
            self.violations.append(Violation(path, message))
        elif name not in self._environment:
            self.violations.append(Violation(path, f"environment variable '{name}' present in state file but not set"))
        else:
            return self._environment[name]
        missing.append(name)
        return ""


def _pieces(text: str, deck: Any) -> list[tuple[str, bool]]:
    """The text around decK's references, and their values, which are not looked at again."""
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _DECK.finditer(text):
        pieces += [(text[end : match.start()], False), (deck(match), True)]
        end = match.end()
    return [*pieces, (text[end:], False)]


def _quoted(match: re.Match[str]) -> str:
    """A reference as decK wants it."""
    name = match[1]
    return match[0] if match[0][match.start(1) - match.start() - 1] in "\"'`" else match[0].replace(name, f'"{name}"')


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_subkey(value: str, subkey: str) -> str | None:
    try:
        found = json.loads(value)[subkey]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else json.dumps(found)
