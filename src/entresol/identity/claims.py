"""What claims mean here: the issuer's profile, and over it the mapping that an administrator wrote.

Faults close: who cannot be named, whose groups or scopes cannot be read, or whom `admit` does not admit stays outside.
A condition for a role or team that cannot be evaluated gives nothing, and an attribute or a name that cannot be read
is absent. `explain` shows each step and what it gave.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec

from entresol.identity.cel import CelFailed, Expression, compile_expression
from entresol.identity.cel_source import CelFault
from entresol.identity.jwt_results import Mapped
from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.all import PROFILES
from entresol.identity.profiles.reading import ClaimFault, Claims
from entresol.identity.records.issuers import Issuer

MAX_SUBJECT: Final = 512
MAX_VALUES: Final = 11_000
"""Groups of one principal: as many as Microsoft Graph gives at once."""
MAX_VALUE: Final = 1_024

Weight = Literal["refuses", "gives-nothing"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One step of reading claims."""

    step: str
    """`subject`, `groups`, `role admin`, `attribute department`, …"""
    source: str
    """The expression, or the profile."""
    value: Any = None
    fault: str = ""
    weight: Weight = "gives-nothing"
    """What a fault does."""


class MappingFault(msgspec.Struct, frozen=True, kw_only=True):
    """An author's mistake: where, and what. Line and column from 1; 0: the whole of it."""

    field: str
    message: str
    line: int = 0
    column: int = 0


class NotAdmitted(Exception):
    """The claims are in order, and whoever has them may not come in. The message says which step says so."""


class GroupsElsewhere(Exception):
    """There are too many groups for the token; they have to be asked for."""


class ClaimReader:
    """The compiled mapping of one issuer. A mapping with faults must have been refused: see `mapping_faults`."""

    def __init__(self, issuer: Issuer) -> None:
        """Raises CelFault."""
        mapping = issuer.mapping
        self.issuer = issuer
        self.profile = PROFILES[issuer.profile]
        self._single = {
            name: compile_expression(source)
            for name in ("subject", "groups", "scopes", "username", "email", "display_name", "admit")
            if (source := getattr(mapping, name)) is not None
        }
        self._roles = _conditions(mapping.roles)
        self._teams = _conditions(mapping.teams)
        self._attributes = [(name, compile_expression(source)) for name, source in mapping.attributes]

    @property
    def admits_by_condition(self) -> bool:
        """Whether a condition decides who comes in."""
        return "admit" in self._single

    def read(self, claims: Claims, groups: frozenset[str] | None = None) -> Mapped:
        """What they say. `groups`: those that were asked for elsewhere. Raises NotAdmitted, GroupsElsewhere."""
        if groups is None and self.profile.lacks_groups(claims):
            raise GroupsElsewhere
        reading = _Reading(self, claims, groups, keeps=False)
        mapped = reading.run()
        if reading.refusal:
            raise NotAdmitted(reading.refusal)
        return mapped

    def explain(self, claims: Claims, groups: frozenset[str] | None = None) -> tuple[Finding, ...]:
        """Each step in order and what it gave; all of them, even if one refuses."""
        reading = _Reading(self, claims, groups, keeps=True)
        reading.run()
        return tuple(reading.findings)


class _Reading:
    """One pass over the claims of one token."""

    def __init__(self, reader: ClaimReader, claims: Claims, groups: frozenset[str] | None, *, keeps: bool) -> None:
        self._reader = reader
        self._claims = claims
        self._fetched = groups
        self._keeps = keeps
        self._own_source = f"profile {reader.profile.name}" if keeps else ""
        self._variables: dict[str, Any] = {"claims": claims}
        self.findings: list[Finding] = []
        """Kept for an explanation only."""
        self.refusal = ""
        """The first fault that refuses."""

    def run(self) -> Mapped:
        """What they say; it counts for nothing with a `refusal`."""
        reader, claims, profile = self._reader, self._claims, self._reader.profile
        subject = self._subject()
        kind: PrincipalKind = profile.kind(claims, reader.issuer.stands_for)
        self._note("kind", self._own_source, kind)
        groups = self._groups()
        self._issuer_roles()
        scopes = self._values("scopes", profile.scopes)
        self._admit()
        roles = frozenset(self._given("role", reader._roles))
        if kind == "user":
            roles = roles.union(reader.issuer.default_roles)
        email, is_verified = profile.email(claims)
        return Mapped(
            subject=subject,
            kind=kind,
            client=profile.client(claims)[:MAX_VALUE],
            scopes=frozenset(scopes),
            groups=frozenset(groups),
            roles=roles,
            username=self._name("username", profile.username(claims)),
            email=self._name("email", email),
            display_name=self._name("display_name", _claim(claims, "name")),
            teams=frozenset(self._given("team", reader._teams)),
            attributes=dict(self._attributes()),
            is_email_verified=is_verified and "email" not in reader._single,
            given_name=_claim(claims, "given_name"),
            family_name=_claim(claims, "family_name"),
        )

    def _note(self, step: str, source: str, value: Any, fault: str = "", weight: Weight = "gives-nothing") -> None:
        if fault and weight == "refuses" and not self.refusal:
            self.refusal = f"{step}: {fault}"
        if self._keeps:
            self.findings.append(Finding(step=step, source=source, value=value, fault=fault, weight=weight))

    def _subject(self) -> str:
        expression = self._reader._single.get("subject")
        source = self._own_source if expression is None else expression.source
        try:
            if expression is None:
                value = self._reader.profile.subject(self._claims)
            else:
                value = expression.text(self._variables)  # of `claims` alone: nothing else has been read yet
            if not value.strip() or len(value) > MAX_SUBJECT or not value.isprintable():
                raise ClaimFault(f"it must be a printable text of 1 to {MAX_SUBJECT} characters")
        except (ClaimFault, CelFailed) as fault:
            self._note("subject", source, None, str(fault), "refuses")
            return ""
        self._note("subject", source, value)
        return value

    def _groups(self) -> tuple[str, ...]:
        if self._fetched is not None:
            fetched = tuple(sorted(self._fetched))
            return self._values("groups", lambda claims: fetched)
        if self._reader.profile.lacks_groups(self._claims):
            fault = "the token has too many groups to carry them: they are asked for when it is used"
            self._note("groups", self._own_source, None, fault, "refuses")
            self._variables.pop("groups", None)
            return ()
        return self._values("groups", self._reader.profile.groups)

    def _values(self, step: str, read: Callable[[Claims], tuple[str, ...]]) -> tuple[str, ...]:
        """Groups or scopes. The mapping's expression sees what the profile read; where that cannot be read it sees
        nothing by that name, so that it fails rather than takes somebody for one without groups."""
        expression = self._reader._single.get(step)
        source = self._own_source if expression is None else expression.source
        try:
            values, fault = _checked_values(read(self._claims)), ""
            self._variables[step] = list(values)
        except ClaimFault as unreadable:
            values, fault = (), str(unreadable)
            self._variables.pop(step, None)
        if expression is not None:
            try:
                values, fault = _checked_values(expression.texts(self._variables)), ""
            except (ClaimFault, CelFailed) as failed:
                values, fault = (), str(failed)
        self._variables[step] = list(values)
        self._note(step, source, None if fault else values, fault, "refuses")
        return values

    def _issuer_roles(self) -> None:
        """For conditions. Where they cannot be read, a condition that asks for them fails."""
        try:
            roles = _checked_values(self._reader.profile.roles(self._claims))
        except ClaimFault as unreadable:
            self._variables.pop("roles", None)
            self._note("issuer's roles", self._own_source, None, str(unreadable))
        else:
            self._variables["roles"] = list(roles)
            self._note("issuer's roles", self._own_source, roles)

    def _admit(self) -> None:
        expression = self._reader._single.get("admit")
        if expression is None:
            return
        holds, fault = self._holds(expression)
        if not holds:
            fault = fault or "the condition does not hold"
        self._note("admit", expression.source, holds, fault, "refuses")

    def _given(self, what: str, conditions: list[tuple[Expression, str]]) -> Iterable[str]:
        for condition, name in conditions:
            holds, fault = self._holds(condition)
            self._note(f"{what} {name}", condition.source, holds, fault)
            if holds:
                yield name

    def _holds(self, condition: Expression) -> tuple[bool, str]:
        try:
            return condition.holds(self._variables), ""
        except CelFailed as failed:
            return False, str(failed)

    def _name(self, step: str, otherwise: str) -> str:
        expression = self._reader._single.get(step)
        if expression is None:
            self._note(step, self._own_source, otherwise)
            return otherwise[:MAX_VALUE]
        return self._text(step, expression)

    def _attributes(self) -> Iterable[tuple[str, str]]:
        for name, expression in self._reader._attributes:
            value = self._text(f"attribute {name}", expression)
            if value:
                yield name, value

    def _text(self, step: str, expression: Expression) -> str:
        try:
            value, fault = expression.text(self._variables)[:MAX_VALUE], ""
        except CelFailed as failed:
            value, fault = "", str(failed)
        self._note(step, expression.source, value, fault)
        return value


def mapping_faults(issuer: Issuer) -> tuple[MappingFault, ...]:
    """Every mistake in an issuer's mapping, for whoever saves it."""
    mapping = issuer.mapping
    sources = [
        (f"mapping.{name}", source)
        for name in ("subject", "groups", "scopes", "username", "email", "display_name", "admit")
        if (source := getattr(mapping, name)) is not None
    ]
    sources += [(f"mapping.roles[{index}]", source) for index, (source, _) in enumerate(mapping.roles)]
    sources += [(f"mapping.teams[{index}]", source) for index, (source, _) in enumerate(mapping.teams)]
    sources += [(f"mapping.attributes[{index}]", source) for index, (_, source) in enumerate(mapping.attributes)]
    faults = []
    for field, source in sources:
        try:
            compile_expression(source)
        except CelFault as fault:
            faults.append(MappingFault(field=field, message=fault.message, line=fault.line, column=fault.column))
    return tuple(faults)


def explain(issuer: Issuer, claims: Claims) -> tuple[Finding, ...]:
    """What an issuer's mapping makes of claims, step by step. Raises CelFault for a mapping with mistakes."""
    return ClaimReader(issuer).explain(claims)


def _conditions(pairs: tuple[tuple[str, str], ...]) -> list[tuple[Expression, str]]:
    return [(compile_expression(source), name) for source, name in pairs]


def _checked_values(values: Iterable[str]) -> tuple[str, ...]:
    found = tuple(values)
    if len(found) > MAX_VALUES:
        raise ClaimFault(f"there are more than {MAX_VALUES} of them")
    if found and max(map(len, found)) > MAX_VALUE:
        raise ClaimFault(f"one is longer than {MAX_VALUE} characters")
    return found


def _claim(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value[:MAX_VALUE] if isinstance(value, str) else ""
