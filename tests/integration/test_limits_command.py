"""`execledger limits` on a real database."""

import pytest

from command_line import execledger


async def test_a_daily_limit_is_set_listed_replaced_and_removed(database: str) -> None:
    async def limits(*arguments: str) -> str:
        said = await execledger("limits", *arguments, postgres_dsn=database)
        assert (said.status, said.err) == (0, "")
        return said.out

    assert await limits("list") == "no limits\n"
    await limits("daily", "--tenant", "acme", "--tokens", "1000", "--cost-usd", "5")
    await limits("daily", "--tenant", "acme", "--owner", "ann", "--cost-usd", "12.50")
    await limits("daily", "--tenant", "acme", "--tokens", "2000")
    assert (await limits("list")).splitlines() == [
        "daily  tenant acme: today 0 of 2000 tokens",
        "daily  tenant acme owner ann: today 0 of 12.5 dollars",
    ]
    await limits("daily", "--tenant", "acme", "--remove")
    assert (await limits("list")).splitlines() == ["daily  tenant acme owner ann: today 0 of 12.5 dollars"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tokens", "-1"),
        ("--tokens", "many"),
        ("--cost-usd", "1e99"),
        ("--cost-usd", "NaN"),
        (),
        ("--tokens", "1", "--remove"),
        ("--owner", "", "--tokens", "1"),
    ],
)
async def test_a_limit_that_cannot_be_is_one_line(arguments: tuple[str, ...]) -> None:
    said = await execledger(
        "limits", "daily", "--tenant", "acme", *arguments, postgres_dsn="postgresql://127.0.0.1:1/x"
    )
    assert (said.status, said.err.count("\n")) == (2, 1)


async def test_to_remove_what_is_not_there_is_a_fault(database: str) -> None:
    said = await execledger("limits", "daily", "--tenant", "acme", "--remove", postgres_dsn=database)
    assert said.status == 1
    assert said.err == "execledger: tenant acme has no limit; `execledger limits list` shows those there are\n"
