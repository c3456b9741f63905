"""Status words: one canonical set, read in any case and in the common spellings."""

import pytest

from execledger_contracts.status import EXECUTION_STATUSES, TERMINAL, Status, read_status


@pytest.mark.parametrize("status", Status)
def test_every_canonical_word_reads_as_itself_in_any_case(status: Status) -> None:
    assert read_status(status.value) is status
    assert read_status(status.value.upper()) is status
    assert read_status(f" {status.value.title()} ") is status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("canceled", Status.CANCELLED),
        ("ABORTED", Status.CANCELLED),
        ("Succeeded", Status.COMPLETED),
        ("success", Status.COMPLETED),
        ("timeout", Status.TIMED_OUT),
        ("Timed-Out", Status.TIMED_OUT),
        ("timed out", Status.TIMED_OUT),
        ("TimedOut", Status.TIMED_OUT),
        ("error", Status.FAILED),
        ("in_progress", Status.RUNNING),
        ("IN PROGRESS", Status.RUNNING),
        ("InProgress", Status.RUNNING),
        ("queued", Status.PENDING),
    ],
)
def test_common_spellings_are_read(word: str, status: Status) -> None:
    assert read_status(word) is status


@pytest.mark.parametrize("word", ["", "purple", "complet", "null", "\0"])
def test_a_word_that_is_no_status_reads_as_none(word: str) -> None:
    assert read_status(word) is None


def test_skipped_is_for_steps_only() -> None:
    assert {status.value for status in EXECUTION_STATUSES} == {
        "pending",
        "running",
        "completed",
        "failed",
        "cancelled",
        "timed_out",
    }


def test_all_but_pending_and_running_are_terminal() -> None:
    assert set(Status) - TERMINAL == {Status.PENDING, Status.RUNNING}
