"""The pages that people see: rendered here, without a script, each with a policy that lets it do little."""

from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.security_headers import CONTENT_SECURITY_POLICY

BRAND: Final = "Entresol"
STYLE_PATH: Final = "/static/style.css"


class Pages:
    """Renders templates. `base` is the issuer's path."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._templates = Environment(
            loader=PackageLoader("entresol.auth_server"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._style = resources.files("entresol.auth_server").joinpath("static/style.css").read_bytes()

    def routes(self) -> tuple[BaseRoute, ...]:
        """What pages are made of."""
        return (Route(STYLE_PATH, self.style, methods=["GET"]),)

    def style(self, request: Request) -> Response:
        """The one style sheet."""
        return Response(self._style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    def page(self, name: str, status: int = 200, *, form_target: str = "", **values: Any) -> Response:
        """One page. `form_target`: where the answer to its form may lead besides here."""
        text = self._templates.get_template(f"{name}.html").render(base=self.base, brand=BRAND, **values)
        response = HTMLResponse(text, status)
        if form_target:
            response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
                "form-action 'self'", f"form-action 'self' {form_target}"
            )
        return response

    def message(
        self, title: str, message: str, status: int = 200, *, error: str = "", link: str = "", link_text: str = ""
    ) -> Response:
        """A page that says one thing."""
        return self.page(
            "message", status, title=title, message=message, error=error, link=link, link_text=link_text,
            is_fault=status >= 400,
        )  # fmt: skip
