"""Writes docs/openapi.json: `python -m execledger_query.openapi [--check] [FILE]`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from execledger_query.app import create_api


def document() -> str:
    """The OpenAPI document of the routes."""
    return json.dumps(create_api().openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the document, or with --check say whether the file is the document still; exit status 1 when it is not."""
    names = [argument for argument in arguments if not argument.startswith("--")]
    path = Path(names[0] if names else "docs/openapi.json")
    if "--check" not in arguments:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document(), encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == document():
        return 0
    sys.stderr.write(f"{path} is not what the routes say: run python -m execledger_query.openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
