"""Rendering."""

import re
from pathlib import Path

import jinja2
import pytest

import entresol.auth_server
from entresol.auth_server.pages import Pages

TEMPLATES = sorted((Path(entresol.auth_server.__file__).parent / "templates").glob("*.html"))


def test_what_comes_from_outside_is_text() -> None:
    page = Pages("").message("<b>", "<script>", 400, error='"', link='https://x/"><i>', link_text="<u>")
    text = bytes(page.body).decode()
    for tag in ("<b>", "<script>", "<i>", "<u>"):
        assert tag not in text


def test_a_value_that_is_missing_is_a_fault_and_no_gap() -> None:
    with pytest.raises(jinja2.UndefinedError):
        Pages("").page("sign_in")


def test_pages_are_below_the_issuers_path() -> None:
    assert b'href="/auth/static/style.css"' in bytes(Pages("/auth").message("t", "m").body)


def test_a_form_may_lead_where_it_must_and_nowhere_else() -> None:
    page = Pages("").page("message", form_target="https://app.example", title="t", message="m", error="", link="",
                          link_text="", is_fault=False)  # fmt: skip
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://app.example;" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_a_script_a_style_or_anything_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script|<style|\son\w+=|style=|javascript:|https?://|\|\s*safe", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_form_has_its_token_and_every_field_its_label(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
        assert 'name="csrf"' in form
        assert 'method="post"' in form
    for field in re.findall(r"<input(?![^>]*hidden)[^>]*>", text):
        found = re.search(r'id="(\w+)"', field)
        assert found is not None
        assert f'<label for="{found[1]}">' in text
