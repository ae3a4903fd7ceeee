import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.policy.prompt_guard import PromptGuard, pattern_problem
from entresol.policy.prompt_verdict import Turn, Verdict


def user(*texts: str) -> Turn:
    return Turn("user", texts)


@pytest.mark.parametrize(
    ("allow", "deny", "turns", "verdict"),
    [
        ([], ["bad"], [user("good")], None),
        ([], ["x", "bad"], [user("so bad")], Verdict("deny_patterns", 1)),
        ([], ["bad", "so"], [user("so bad")], Verdict("deny_patterns", 0)),
        (["weather"], [], [user("the weather today")], None),
        (["weather"], [], [user("politics")], Verdict("allow_patterns")),
        (["weather"], ["nuclear"], [user("nuclear weather")], Verdict("deny_patterns", 0)),
        (["a", "b"], [], [user("xbx")], None),
        (["weather"], [], [], Verdict("allow_patterns")),
        ([], ["bad"], [], None),
        # joined with a space behind each, newest first
        ([], ["^new old $"], [user("new"), user("old")], Verdict("deny_patterns", 0)),
        (["old"], [], [user("new"), user("old")], None),
        # as in PCRE: letters count, `.` stops at line ends, flags may be said
        ([], ["BAD"], [user("bad")], None),
        ([], ["(?i)BAD", "zzz"], [user("bad")], Verdict("deny_patterns", 0)),
        ([], ["zzz", "(?i)a", "B"], [user("b")], None),
        ([], ["a.b"], [user("a\nb")], None),
        ([], ["(?s)a.b"], [user("a\nb")], Verdict("deny_patterns", 0)),
        # parts of a turn
        ([], ["ignore previous"], [user("ignore", "previous")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("pass", "word")], Verdict("deny_patterns", 0)),
        (["password"], [], [user("pass", "word")], Verdict("allow_patterns")),
        # over several turns, as a model reads them
        ([], ["ignore previous"], [user("previous"), user("ignore")], Verdict("deny_patterns", 0)),
        ([], ["password now"], [user("now"), user("pass", "word")], Verdict("deny_patterns", 0)),
        (["ignore previous"], [], [user("previous"), user("ignore")], Verdict("allow_patterns")),
        # disguises
        ([], ["password"], [user("pass\U000e0020word")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("pass\U000e0101\u3164word")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("pass\u200bword")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("pass", "\u2060word")], Verdict("deny_patterns", 0)),
        ([], ["stra\u00dfe"], [user("die Stra\u00dfe, stra\u00dfe")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("pa\u0300ssword")], Verdict("deny_patterns", 0)),
        ([], ["password"], [user("p\u0430ssw\u03bfrd")], Verdict("deny_patterns", 0)),
        (["password"], [], [user("p\u0430ssword")], Verdict("allow_patterns")),
        ([], ["c\u00f4t\u00e9"], [user("c\u00f4t\u00e9")], Verdict("deny_patterns", 0)),
        # patterns that must not quote or swallow each other
        ([], [r"\Qa.b", "bad"], [user("bad")], Verdict("deny_patterns", 1)),
        ([], [r"\Qa.b", "bad"], [user("a.b")], Verdict("deny_patterns", 0)),
        ([], ["a|b", "(?P<n>c)", "(?P<n>d)"], [user("d")], Verdict("deny_patterns", 2)),
    ],
)
def test_judgements(allow: list[str], deny: list[str], turns: list[Turn], verdict: Verdict | None) -> None:
    assert PromptGuard(allow, deny).judge(turns) == verdict


@pytest.mark.parametrize(
    "pattern", ["(?=x)", "(?!x)", "(?<=x)y", r"(a)\1", "a++", "(?>a)", "(", "[", "*", "a{2000}", r"\p{Nope}", "a)|(b"]
)
def test_what_re2_does_not_know_is_a_problem(pattern: str) -> None:
    problem = pattern_problem(pattern)
    assert problem is not None
    assert problem.startswith("not a valid RE2 pattern")


@pytest.mark.parametrize("pattern", ["(?i)x", r"\d{16}", r"\bfoo\b", "a|b", "(?s:.*)", "\u00e4", r"[\p{L}]+"])
def test_what_re2_knows_is_none(pattern: str) -> None:
    assert pattern_problem(pattern) is None


def test_a_pattern_that_would_explode_elsewhere_takes_linear_time() -> None:
    guard = PromptGuard([], ["^(a+)+$", "(a|a)*b", "(.*)*x"])
    assert guard.judge([user("a" * 200_000 + "!")]) is None


@given(
    st.lists(st.sampled_from(["a", "b+", "c|d", "(?i)e", "[f-h]"]), min_size=1, max_size=5),
    st.text("abCdEfz ", max_size=12),
)
def test_one_search_for_all_patterns_finds_what_each_would(deny: list[str], text: str) -> None:
    each = [at for at, pattern in enumerate(deny) if PromptGuard([], [pattern]).judge([user(text)]) is not None]
    verdict = PromptGuard([], deny).judge([user(text)])
    assert verdict == (Verdict("deny_patterns", each[0]) if each else None)
