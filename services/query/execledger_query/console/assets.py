"""What the console's pages load: read, hashed and compressed once, when the service starts."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_VERSION_BYTES: Final = 8
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    compressed: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All of them, by path; `version` is another one as soon as any of them is."""

    version: str
    by_path: Mapping[str, Asset]
    template: str

    def page(self, root: str, told: Mapping[str, str]) -> str:
        """The document of a view from which `root` leads to where the service lies; `told` is what its script reads."""
        place = f"{root}console/{self.version}/"
        styles = [f'<link rel="stylesheet" href="{place}{path}">' for path in self._of(".css")]
        modules = [f'<link rel="modulepreload" href="{place}{path}">' for path in self._of(".js")]
        metas = [f'<meta name="{name}" content="{escape(value)}">' for name, value in told.items()]
        links = "\n".join((*metas, *styles, *modules))
        return self.template.replace("<!-- links -->", links).replace("{place}", place)

    def _of(self, suffix: str) -> list[str]:
        return [path for path in self.by_path if path.endswith(suffix)]


def load() -> Assets:
    """Those of this package."""
    folder = files("execledger_query.console").joinpath("static")
    by_path = dict(sorted(_read(folder)))
    digest = blake2b(digest_size=_VERSION_BYTES)
    for path, asset in by_path.items():
        digest.update(f"{path}\0{len(asset.body)}\0".encode() + asset.body)
    return Assets(digest.hexdigest(), by_path, folder.joinpath("index.html").read_text(encoding="utf-8"))


def _read(folder: Traversable, above: str = "") -> list[tuple[str, Asset]]:
    """What browsers load, of a folder and those in it: the page itself and the types of the API are not."""
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{above}{entry.name}/")
        elif media_type := _MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}"):
            body = entry.read_bytes()
            found.append((above + entry.name, Asset(body, gzip.compress(body, mtime=0), media_type)))
    return found
