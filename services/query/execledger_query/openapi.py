"""Writes what follows from the routes: `python -m execledger_query.openapi [--check] [FOLDER]`.

docs/openapi.json, the models of `execledger_client`, and the types of the console.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from execledger_query.app import create_api
from execledger_query.client_models import models
from execledger_query.console_types import types


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, made once: that takes most of a second."""
    return create_api().openapi()


def files() -> Mapping[str, str]:
    """Their texts, by path."""
    return {
        "docs/openapi.json": json.dumps(document(), indent=2, ensure_ascii=False) + "\n",
        "contracts/execledger_client/models.py": models(document()),
        "services/query/execledger_query/console/static/api.d.ts": types(document()),
    }


def main(arguments: Sequence[str]) -> int:
    """Write them, or with --check say which are others now; exit status 1 when some are."""
    names = [argument for argument in arguments if not argument.startswith("--")]
    folder = Path(names[0] if names else ".")
    if "--check" not in arguments:
        for name, text in files().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in files().items() if not _is(folder / name, text)]
    for name in stale:
        sys.stderr.write(f"{name} is not what the routes say: run python -m execledger_query.openapi\n")
    return 1 if stale else 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
