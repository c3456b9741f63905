"""`execledger list` on a real database."""

import json
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal

import pytest

from command_line import execledger
from execledger.commands.filters import Filters
from execledger_query.narrowing import Narrowed
from factories_query import NOON, ledger


async def test_executions_are_listed_as_the_api_lists_them(database: str) -> None:
    async with ledger(database) as rows:
        await rows.execution(external_id="a" * 90, status="failed", workflow_id="flow", duration_ms=61_000)
        said = {"cost_usd": Decimal("1.239"), "cost_nanos": 1_239_000_000, "query": "a\x1b[2J"}
        await rows.execution(external_id="b\x1b[2J", created_at=NOON + timedelta(hours=1), **said)
    shown = await execledger("list", postgres_dsn=database, columns=80)
    assert (shown.status, shown.err) == (0, "")
    head, newest, oldest = shown.out.splitlines()
    assert head.split() == ["execution", "status", "workflow", "created", "took", "cost"]
    assert newest.split() == ["b\\u001b[2J", "running", "2026-03-01", "13:00:00", "$1.24"]
    assert oldest.split()[1:] == ["failed", "flow", "2026-03-01", "12:00:00", "1", "min", "$0"]
    assert max(map(len, shown.out.splitlines())) <= 160
    listed = await execledger("list", "--json", "--cost-usd-gte", "1", "--sort=-cost_usd", postgres_dsn=database)
    (item,) = json.loads(listed.out)["items"]
    assert (item["external_id"], item["usage"]["cost_usd"]) == ("b\x1b[2J", "1.239")
    assert (await execledger("list", "--paused", postgres_dsn=database)).out == "no executions\n"
    assert "failed" in (await execledger("list", "--status", "failed", "--no-paused", postgres_dsn=database)).out


def test_commands_take_the_filters_that_there_are() -> None:
    options = {field.name for field in fields(Filters)}
    assert options == Narrowed.model_fields.keys() - {"status_list", "tag_list"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--status", "done-ish"), "--status"),
        (("--sort", "query"), "--sort"),
        (("--limit", "0"), "--limit"),
        (("--label", "venture"), "--label"),
        (("--started-after", "yesterday"), "--started-after"),
        (("--cost-usd-gte", "much", "--limit", "many"), "--cost-usd-gte"),
    ],
)
async def test_an_option_that_cannot_be_is_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    said = await execledger("list", *arguments, postgres_dsn="postgresql://127.0.0.1:1/x")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert complaint in said.err
