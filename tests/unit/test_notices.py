"""Who is told now, and who was told lately."""

from execledger_recorder.rules.notices import Notices


def test_a_source_is_spoken_of_once_a_minute() -> None:
    notices = Notices()
    assert [notices.is_due("urn:a", at) for at in (0, 1, 59.9, 60, 61)] == [True, False, False, True, False]


def test_each_source_has_its_own_minute() -> None:
    notices = Notices()
    assert notices.is_due("urn:a", 0)
    assert notices.is_due("urn:b", 1)


def test_of_a_flood_of_sources_a_thousand_are_spoken_of_and_remembered() -> None:
    notices = Notices()
    assert sum(notices.is_due(f"urn:{number}", 0) for number in range(5000)) == 1000
    assert sum(notices.is_due(f"urn:{number}", 60) for number in range(5000, 5500)) == 500
