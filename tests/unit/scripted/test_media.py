"""Inline media are what they claim to be."""

import pytest

from entresol.scripted.media import BadMedia, decode_base64, decode_media, split_data_url
from unit.scripted.asking import PIXEL


def test_good_media_decode() -> None:
    assert len(decode_media(PIXEL, "image/png")) == 70
    assert decode_base64("_-8=", url_safe=True) == decode_base64("/+8=")
    assert split_data_url("data:image/png;base64,AAAA") == ("image/png", "AAAA")
    assert split_data_url("https://example.com/a.png") is None


@pytest.mark.parametrize(
    ("data", "media_type"),
    [("!!!", "image/png"), ("_-8=", "image/x"), (PIXEL, "image/jpeg"), ("AAAA", "application/pdf")],
)
def test_data_that_is_not_its_media_type_is_refused(data: str, media_type: str) -> None:
    with pytest.raises(BadMedia):
        decode_media(data, media_type)


@pytest.mark.parametrize("url", ["data:image/png,AAAA", "data:;base64,AAAA", "data:image/png;base64"])
def test_a_malformed_data_url_is_refused(url: str) -> None:
    with pytest.raises(BadMedia):
        split_data_url(url)
