"""The short form of make bench: that there are figures, whatever they are."""

import json
from pathlib import Path

from bench.cases import Sizes
from bench.report import as_json, lines
from bench.run import measure
from bench.site import Servers as Bench
from conftest import Servers

TINY = Sizes(
    warm_up=0,
    events=260,
    rounds=1,
    lag_seconds=0.5,
    lone_events=2,
    starts=1,
    long=80,
    late=2,
    crowd=80,
    crowd_seconds=0.5,
)


async def test_a_short_run_gives_every_figure(servers: Servers, migrated_template: str, tmp_path: Path) -> None:
    said: list[str] = []
    bench = Bench(servers.bootstrap_servers, servers.postgres_dsn, migrated_template, tmp_path, partitions=2)
    report = await measure(bench, TINY, ("mix", "late", "crowd"), grown=False, say=said.append)
    (mix,) = report.comparisons
    assert [[*turn] for turn in mix.rounds] == [["one recorder", "COPY", "two recorders"]]
    assert {(measured.events, measured.unfinished) for measured in report.measured} == {(260, 0)}
    assert all(measured.spent.postgres > 0 for measured in report.measured)
    assert mix.rounds[0]["one recorder"].spent.recorder > 0
    assert report.steady is not None
    assert report.steady.unseen == 0
    assert report.lone is not None
    assert len(report.lone.seconds) == 2
    assert report.late is not None
    assert len(report.late.spent) == 2
    assert report.crowded is not None
    assert len(report.crowded.in_order.lags) == len(report.crowded.apart.lags) == 50
    assert len(report.startup_seconds) == 1
    assert json.loads(json.dumps(as_json(report)))["comparisons"].keys() == {"mix"}
    assert max(map(len, lines(report))) <= 80
    assert said
