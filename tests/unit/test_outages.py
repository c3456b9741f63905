"""An outage in the log: one line when it begins, one a minute, one when it is over; aiokafka's own words kept back."""

import logging
import threading

import pytest

from execledger_publisher.outages import Complaints, Outage


def test_an_outage_is_said_when_it_begins_once_a_minute_and_when_it_is_over() -> None:
    now = 0.0
    said: list[str] = []
    outage = Outage(said.append, "no delivery", monotonic=lambda: now)
    outage.is_over()
    for second in range(150):
        now = float(second)
        outage.goes_on("no answer")
    assert outage.lasts
    outage.is_over()
    outage.is_over()
    now = 200.0
    outage.goes_on("again")
    assert said == [
        "no delivery: no answer; it is tried again until it works",
        "no delivery, for 60 s: no answer",
        "no delivery, for 120 s: no answer",
        "no delivery: over after 149 s",
        "no delivery: again; it is tried again until it works",
    ]


def test_complaints_of_this_thread_are_heard_and_those_of_other_clients_pass(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    complaints = Complaints(heard.append)
    kafka = logging.getLogger("aiokafka.conn")
    complaints.begin()
    try:
        kafka.warning("ours %s", 1)
        kafka.info("no complaint")
        other = threading.Thread(target=kafka.warning, args=("another's",))
        other.start()
        other.join()
    finally:
        complaints.end()
    kafka.warning("later")
    assert heard == ["ours 1"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        *("another's", "later")
    ]


def test_every_logger_of_aiokafka_that_may_complain_is_listened_to() -> None:
    import aiokafka  # noqa: F401 - for its loggers

    from execledger_publisher.outages import _LOGGERS

    there = {name for name in logging.root.manager.loggerDict if name.split(".")[0] == "aiokafka"}
    silent = {name for name in there if ".coordinator" in name or ".admin" in name}
    parents = {name for name in there if isinstance(logging.root.manager.loggerDict[name], logging.PlaceHolder)}
    assert there - silent - parents <= set(_LOGGERS)
