"""What an installation brings is enough for what is promised of it."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTRACTS = ROOT / "contracts"
OWN = {"langchain.py": "langchain", "crewai.py": "crewai"}  # modules of the SDK that need an extra


def imported(module: Path) -> set[str]:
    """The packages that a module imports when it is imported itself, but for those that it tries."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    tried = {id(node) for each in ast.walk(tree) if isinstance(each, ast.Try) for node in ast.walk(each)}
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in tried:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return {name for name in names if name not in sys.stdlib_module_names and not name.startswith("execledger")}


def distributions(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", said)[0].lower().replace("-", "_") for said in requirements}


@pytest.mark.parametrize("package", ["execledger_contracts", "execledger_lifecycle", "execledger_publisher"])
def test_the_base_install_has_what_the_sdk_imports(package: str) -> None:
    base = distributions(PROJECT["dependencies"])
    for module in (CONTRACTS / package).rglob("*.py"):
        extra = OWN.get(module.name) if module.parent.name == "execledger_publisher" else None
        brought = base | distributions(PROJECT["optional-dependencies"][extra] if extra else [])
        assert imported(module) <= brought | {"pydantic_core"}, module  # which pydantic brings
