"""api_floor.route_candidates; the router's tests show what they are for."""

from entresol.api_floor.entities import Route
from entresol.api_floor.plan import CompiledRoute
from entresol.api_floor.route_candidates import Expression, candidates_of, priority_of


def test_priority_has_kongs_parts_in_kongs_order() -> None:
    route = Route(
        id="r",
        methods=("GET",),
        hosts=("a.test",),
        headers={"x": ("1",), "y": ("2",)},
        paths=("/abc", "~/x"),
        regex_priority=7,
    )
    assert priority_of(route, "/abc") == (4, 1, 2, 0, 0, 4)
    assert priority_of(route, "~/x") == (4, 1, 2, 1, 7, 0)
    assert priority_of(Route(id="r", hosts=("*.a",)), None) == (1, 0, 0, 0, 0, 0)


def test_a_route_has_a_candidate_for_each_host_and_path() -> None:
    route = CompiledRoute(entity=Route(id="r", hosts=("a.test:80", "*.b", "c.*"), paths=("/x", "~/y")), service=None)
    found = [(one.host, one.prefix, one.conditions.port) for one in candidates_of(route, 0)]
    assert found == [
        ("a.test", "/x", 80),
        ("a.test", "/y", 80),
        (".b", "/x", None),
        (".b", "/y", None),
        ("c.", "/x", None),
        ("c.", "/y", None),
    ]


def test_re2_tells_what_every_match_starts_with() -> None:
    patterns = {
        r"/team-1/models/(?<model>\w+)$": "/team-1/models/",
        "/api/(v1|v2)/x": "/api/v",
        "/a|/b": "/",
        "/a*": "/",
        "(?i)/abc": "/",
        ".*x": "",
        "": "",
        "/é": "",
        r"/\Qa.b\E/": "/a.b/",
    }
    assert {pattern: Expression(pattern).prefix for pattern in patterns} == patterns


def test_an_expression_says_how_far_it_matches() -> None:
    expression = Expression(r"/(?<a>\d+)(/(?<b>x))?")
    assert expression.matches("/12/y")
    assert not expression.matches("/y")
    assert expression.extent("/12/y") == (3, {"a": "12"})
    assert expression.extent("/12/x") == (5, {"a": "12", "b": "x"})
