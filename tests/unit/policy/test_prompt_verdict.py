from entresol.policy.prompt_verdict import Turn, Verdict


def test_a_verdict_names_the_rule_and_only_for_deny_the_pattern() -> None:
    assert Verdict("allow_patterns").index is None
    assert Verdict("deny_patterns", 2) == Verdict(rule="deny_patterns", index=2)


def test_a_turn_keeps_its_parts_apart() -> None:
    assert Turn("user", ["a", "b"]) != Turn("user", ["ab"])
