"""api_floor.compat"""

from entresol.api_floor.compat import entity_defaults, plugin_defaults


def test_todays_defaults_are_the_declared_ones() -> None:
    assert entity_defaults("3.15", "routes") == {}
    assert plugin_defaults("3.15", "key-auth") == {}


def test_older_files_get_the_defaults_they_were_written_for() -> None:
    assert entity_defaults("3.9", "routes") == {"protocols": ["http", "https"]}
    assert entity_defaults("3.9", "services") == {}
    assert plugin_defaults("3.9", "key-auth") == {"hide_credentials": False}
    assert plugin_defaults("3.9", "ai-proxy") == {"max_request_body_size": 8192}
    assert plugin_defaults("3.9", "file-log") == {}
