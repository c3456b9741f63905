"""Where the console's pages are, and what they load. They hold no data: anybody may read them, without a token."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from execledger_query.compression import takes_gzip
from execledger_query.console.assets import Asset, load

VIEWS: Final = ("/", "/executions/{id}", "/ledger", "/signin")
"""The path of each view; static/main.js has the same ones."""

_FOR_EVER: Final = "public, max-age=31536000, immutable"  # what changes lies elsewhere: its path has another version


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a browser gets a token from: an OpenID provider, and what we are called there."""

    issuer: str
    client_id: str
    scope: str


def console(sign_in: SignIn | None) -> APIRouter:
    """The routes of the console; none of them is in the document of the API."""
    assets = load()
    router = APIRouter(include_in_schema=False)
    for path in VIEWS:
        page = assets.page("../" * (path.count("/") - 1) or "./", _told(sign_in))
        router.add_api_route(path, _showing(page, policy(sign_in)), name=f"console:{path}")

    @router.get("/console/{version}/{path:path}")
    async def load_asset(request: Request, version: str, path: str) -> Response:
        """A file of this version; of another one there is none."""
        asset = assets.by_path.get(path)
        if asset is None or version != assets.version:
            raise HTTPException(404)
        return _sent(asset, request.headers.get("accept-encoding", ""))

    return router


def policy(sign_in: SignIn | None) -> str:
    """What a browser is to let the pages do: to run and load what comes from here, and to make no markup of text.

    >>> policy(SignIn("https://id.example/realms/a", "console", "openid")).split("; ")[4]
    "connect-src 'self' https://id.example"
    """
    issuer = "" if sign_in is None else " " + "://".join(urlsplit(sign_in.issuer)[:2])
    rules = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        f"connect-src 'self'{issuer}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return "; ".join(rules)


def _told(sign_in: SignIn | None) -> dict[str, str]:
    if sign_in is None:
        return {}
    return {"oidc-issuer": sign_in.issuer, "oidc-client-id": sign_in.client_id, "oidc-scope": sign_in.scope}


def _showing(page: str, rules: str):  # type: ignore[no-untyped-def]  # the framework would read the type as an answer's
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": rules,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    }

    async def show() -> HTMLResponse:
        return HTMLResponse(page, headers=headers)

    return show


def _sent(asset: Asset, accepted: str) -> Response:
    headers = {
        "Cache-Control": _FOR_EVER,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Vary": "Accept-Encoding",
    }
    if not takes_gzip(accepted):
        return Response(asset.body, headers=headers, media_type=asset.media_type)
    return Response(asset.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
