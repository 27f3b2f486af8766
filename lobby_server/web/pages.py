"""The pages that the server shows to a browser, and the files that they are made of.

A page may load scripts, styles and pictures of this server, and talk to this server, and nothing else: no other host,
no script or style inside the page, no form that sends by itself, no frame around it, and no text that becomes markup
(Content Security Policy Level 3, Trusted Types).
"""

from __future__ import annotations

from pathlib import Path

from lobby_server.protocol.codes import ApiCode
from lobby_server.web.assets import Asset, Assets
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.context import WebContext
from lobby_server.web.negotiation import accepts_gzip, etag_matches

STATIC = Path(__file__).parent / "static"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # the style sheet brings its small icons along
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class AssetHandler(BaseHandler):
    """``GET /static/…``. A browser asks each time whether its copy is still good, and nearly always hears 304."""

    has_callers = False
    assets: Assets

    def initialize(self, context: WebContext, assets: Assets | None = None) -> None:
        super().initialize(context)
        assert assets is not None
        self.assets = assets

    async def prepare(self) -> None:
        await super().prepare()
        if self._asset() is None:
            raise ApiFault(404, ApiCode.NOT_FOUND, "There is nothing at this address.")

    def get(self, path: str = "") -> None:
        asset = self._asset()
        assert asset is not None  # prepare has looked
        for name, value in PAGE_HEADERS.items():
            self.set_header(name, value)
        self.set_header("ETag", asset.etag)
        self.set_header("Cache-Control", "no-cache")
        self.add_header("Vary", "Accept-Encoding")
        if etag_matches(self.request.headers.get("If-None-Match"), asset.etag):
            self.clear_header("Content-Type")
            self.set_status(304)
            return
        self.set_header("Content-Type", asset.content_type)
        if asset.gzipped is not None and accepts_gzip(self.request.headers.get("Accept-Encoding")):
            self.set_header("Content-Encoding", "gzip")
            self.finish(asset.gzipped)
        else:
            self.finish(asset.body)

    def _asset(self) -> Asset | None:
        return self.assets.get(self.path_args[0])


class PageHandler(AssetHandler):
    """One page, at an address of its own."""

    page: str

    def initialize(self, context: WebContext, assets: Assets | None = None, page: str = "") -> None:
        super().initialize(context, assets)
        self.page = page

    def _asset(self) -> Asset | None:
        return self.assets.get(self.page)
