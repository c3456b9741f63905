"""The layers of pyproject.toml hold, and each of their contracts notices an import that breaks it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
SOURCES = {
    "execledger_contracts": "contracts",
    "execledger_lifecycle": "contracts",
    "execledger_runtime": "services/runtime",
    "execledger_recorder": "services/recorder",
    "execledger_query": "services/query",
    "execledger": "services/command",
}
# For each contract a module, and an import that breaks it there.
PLANTED = {
    "packages": ("execledger_recorder.rules.ids", "import execledger_query.caller"),
    "pure": ("execledger_recorder.rules.account", "import time"),
    "contracts": ("execledger_contracts.decoding", "import os"),
    "runtime": ("execledger_runtime.settings", "import execledger_runtime.kafka.settings"),
    "recorder": ("execledger_recorder.store.outbox", "import execledger_recorder.recording"),
    "query": ("execledger_query.store.reads", "import execledger_query.lookup"),
    "postgres": ("execledger_recorder.duties.relay", "import asyncpg"),
    "kafka": ("execledger_recorder.store.outbox", "import aiokafka"),
}


def contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their settings, to plant imports in."""
    copy = tmp_path_factory.mktemp("layers")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for source in {"contracts", "services"}:
        shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def broken(folder: Path, contract: str) -> bool:
    """Whether the linter finds that contract broken."""
    paths = ":".join(str(folder / source) for source in dict.fromkeys([*SOURCES.values()]))
    done = subprocess.run(  # noqa: S603  # our own linter
        [LINTER, "--no-cache", "--contract", contract],
        cwd=folder,
        env={"PYTHONPATH": paths, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"Contracts: {0 if done.returncode else 1} kept, {1 if done.returncode else 0} broken." in done.stdout, done
    return done.returncode != 0


def test_each_contract_has_an_import_that_breaks_it() -> None:
    assert contracts() == list(PLANTED)


@pytest.mark.parametrize("contract", PLANTED)
def test_a_contract_notices_an_import_that_breaks_it(copied: Path, contract: str) -> None:
    module, planted = PLANTED[contract]
    package = module.partition(".")[0]
    file = copied / SOURCES[package] / f"{module.replace('.', '/')}.py"
    source = file.read_text(encoding="utf-8")
    assert not broken(copied, contract)
    file.write_text(f"{source}\n{planted}\n", encoding="utf-8")
    try:
        assert broken(copied, contract)
    finally:
        file.write_text(source, encoding="utf-8")
