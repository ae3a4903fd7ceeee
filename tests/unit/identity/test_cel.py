"""Conditions over claims: the same answers as from another implementation, or none."""

from threading import Thread
from typing import Any

import cel_expr_python.cel as other  # type: ignore[import-untyped]
import pytest
from cel_expr_python.ext import ext_strings  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.cel import MAX_STEPS, CelFailed, Expression, compile_expression
from entresol.identity.cel_source import MAX_WORDS, CelFault

CLAIMS: dict[str, Any] = {
    "sub": "ada",
    "email": "Ada@Example.org",
    "email_verified": True,
    "level": 3,
    "ratio": 1.5,
    "nothing": None,
    "department": "lab",
    "realm_access": {"roles": ["admin", "dev"]},
    "https://ns.example/groups": ["q"],
    "amr": ["pwd", "otp"],
}
VARIABLES: dict[str, Any] = {
    "claims": CLAIMS,
    "groups": ["/eng/backend", "/eng", "ops"],
    "roles": ["dev"],
    "scopes": ["llm", "mcp"],
}
CORPUS = [
    "claims.sub == 'ada'",
    'claims.sub != "ada"',
    "'ops' in groups",
    "'x' in groups || 'dev' in roles",
    "claims.email.endsWith('@Example.org') && claims.email_verified",
    "claims.email.split('@')[1]",
    "claims.sub.split('')",
    "''.split(',')",
    "claims.email.lowerAscii()",
    "claims.department.upperAscii()",
    "'é'.upperAscii()",
    "has(claims.department)",
    "has(claims.absent)",
    "!has(claims.absent) || claims.absent == 'x'",
    "claims.level > 2",
    "claims.level + 1 == 4",
    "claims.level * 2 - 1",
    "claims.level == 3.0",
    "claims.ratio < 2.0",
    "claims.nothing == null",
    "claims.realm_access.roles",
    "'admin' in claims.realm_access.roles",
    "claims['https://ns.example/groups']",
    "groups.filter(g, g.startsWith('/eng'))",
    "groups.map(g, 'team-' + g)",
    "groups.map(g, g != 'ops', g + '!')",
    "groups.exists(g, g == 'ops')",
    "groups.exists_one(g, g.contains('backend'))",
    "groups.all(g, size(g) > 2)",
    "size(groups)",
    "claims.sub.size()",
    "claims.sub.matches('^a.a$')",
    "claims.sub.matches('d')",
    "claims.sub.matches(r'^\\w+$')",
    "groups.filter(g, g.matches('^/[a-z]+$'))",
    "claims.email_verified ? 'yes' : 'no'",
    "claims.absent == 'x' || true",
    "false && claims.absent == 'x'",
    "string(claims.level) + '/' + claims.sub",
    "int('7') + claims.level",
    "groups + roles",
    "[claims.sub, claims.department]",
    "{'a': claims.sub}.a",
    "claims.sub in ['ada', 'bob']",
    "'sub' in claims",
    "groups[0]",
    "groups == ['/eng/backend', '/eng', 'ops']",
    "claims.sub < 'bob'",
    "[1, 2, 3].map(x, x * x)",
    "roles.all(r, groups.all(g, r != g))",
    "timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')",
    "duration('90s') > duration('1m')",
    "'''a\nb''' == 'a\\nb'",
    "'\\u00e9' == 'é'",
    "b'abc' == b'abc'",
    "dyn(claims.level) == 3",
    "claims.absent == 'x'",
    "claims.absent.deeper",
    "claims.sub + 1",
    "claims.sub > 1",
    "groups[7]",
    "claims.level / 0",
    "9223372036854775807 + claims.level",
    "int(claims.sub)",
    "claims.sub.startsWith(1)",
    "claims.level.matches('a')",
    "claims.nothing.x",
    "claims.level ? 1 : 2",
]
FAILED = "failed"


def theirs(source: str) -> Any:
    kinds = {
        name: other.Type("map<string, dyn>") if name == "claims" else other.Type("list<string>") for name in VARIABLES
    }
    environment = other.NewEnv(variables=kinds, extensions=[ext_strings.ExtStrings()])
    try:
        value = environment.compile(source).eval(data=VARIABLES)
    except Exception:  # noqa: BLE001 - whatever it raises is its way to fail
        return FAILED
    return FAILED if value.type() == other.Type.ERROR else value.plain_value()


def ours(source: str) -> Any:
    try:
        return compile_expression(source).value(VARIABLES)
    except (CelFailed, CelFault):
        return FAILED


@pytest.mark.parametrize("source", CORPUS)
def test_another_implementation_gives_the_same_answer(source: str) -> None:
    mine, its = ours(source), theirs(source)
    assert (type(mine), mine) == (type(its), its)


def test_most_of_the_corpus_has_an_answer() -> None:
    assert sum(ours(source) != FAILED for source in CORPUS) == len(CORPUS) - 12


@pytest.mark.parametrize(
    ("source", "why", "place"),
    [
        ("claims.sub ==", "mismatched input", (1, 14)),
        ("claims.sub == 'a' &&\n  claims.(", "", (2, 10)),
        ("nobody.sub", "there is no 'nobody'", (1, 1)),
        ("groups.exists(g, h == 'x')", "there is no 'h'", (1, 18)),
        ("now() > 1", "there is no function 'now'", (1, 1)),
        ("claims.sub.replace('a', 'b')", "there is no function 'replace'", (1, 12)),
        ("claims.has(a)", "there is no function 'has'", (1, 8)),
        ("map(groups, 1)", "there is no function 'map'", (1, 1)),
        ("_matches(claims.sub, 'a')", "there is no function", (1, 1)),
        ("groups.map(claims, claims)", "'claims'", (0, 0)),
        ("claims.sub.matches(claims.email)", "as a literal", (1, 12)),
        ("claims.sub.matches('a' + 'b')", "as a literal", (1, 12)),
        ("matches(claims.sub, 'a')", "as a literal", (1, 1)),
        ("claims.sub.matches('(')", "RE2", (1, 20)),
        ("claims.sub.matches('(?=a)')", "RE2", (1, 20)),
        ("claims.sub.matches('(\\\\w{100}){100}')", "RE2", (1, 20)),
    ],
)
def test_an_authors_mistake_is_told_with_its_place(source: str, why: str, place: tuple[int, int]) -> None:
    with pytest.raises(CelFault) as caught:
        compile_expression(source)
    assert why in caught.value.message
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize("source", ["claims.sub", "claims.absent", "1", "null", "'true'", "claims.nothing"])
def test_a_condition_that_is_neither_true_nor_false_is_an_error(source: str) -> None:
    with pytest.raises(CelFailed):
        compile_expression(source).holds(VARIABLES)


@pytest.mark.parametrize("source", ["claims.sub", "[1]", "[claims.sub, 1]", "claims.absent", "true"])
def test_a_list_of_texts_is_nothing_else(source: str) -> None:
    with pytest.raises(CelFailed):
        compile_expression(source).texts(VARIABLES)


@pytest.mark.parametrize("source", ["groups", "1", "null", "claims.absent"])
def test_a_text_is_nothing_else(source: str) -> None:
    with pytest.raises(CelFailed):
        compile_expression(source).text(VARIABLES)


def test_what_failed_is_said_without_any_value() -> None:
    for source in ("claims.secret + 1", "claims.secret.startsWith(1)", "int(claims.secret)"):
        with pytest.raises(CelFailed) as caught:
            compile_expression(source).value(VARIABLES | {"claims": {"secret": "hunter2"}})
        assert "hunter2" not in str(caught.value)


def test_loops_within_loops_over_too_many_claims_do_not_run() -> None:
    nested = compile_expression("groups.all(a, groups.all(b, a != b || true))")
    assert nested.holds(VARIABLES)
    with pytest.raises(CelFailed, match="too many"):
        nested.holds(VARIABLES | {"groups": [str(n) for n in range(MAX_STEPS)]})
    letters = compile_expression("claims.sub.split('').all(a, claims.sub.split('').all(b, a == b))")
    with pytest.raises(CelFailed, match="too many"):
        letters.holds(VARIABLES | {"claims": {"sub": "a" * 10_000}})


def test_the_deepest_expression_fits_on_a_small_stack() -> None:
    found: list[Expression] = []
    deepest = ("!" * (MAX_WORDS - 1) + "true", "-" * (MAX_WORDS - 1) + "1", "1" + "+1" * 30, "claims" + ".a" * 199)

    def compile_all() -> None:
        found.extend(compile_expression(source) for source in deepest)

    thread = Thread(target=compile_all)
    thread.start()
    thread.join()
    assert len(found) == len(deepest)


@given(st.text(alphabet="claims.groups()[]'\"&|=!+ {}:?,x1", max_size=40))
def test_any_text_is_an_expression_or_an_authors_mistake(source: str) -> None:
    try:
        compiled = compile_expression(source)
    except CelFault:
        return
    try:
        compiled.value(VARIABLES)
    except CelFailed:
        return
