from entresol.llm.profile import NO_OPTIONS, Options, Profile


def test_options_that_set_nothing_are_none() -> None:
    assert Options() == NO_OPTIONS
    assert Options(max_tokens=1) != NO_OPTIONS


def test_a_profile_assumes_what_most_servers_do() -> None:
    made = Profile(provider="p")
    assert (made.max_tokens_field, made.takes_stream_options, made.has_model_in_body) == ("max_tokens", True, True)
    assert made.unsupported == frozenset()
