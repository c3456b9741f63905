"""Where the reading of one partition stands, and how that changes."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from execledger_recorder.rules.partition import Partition, Place, TopicPartition


def found(offset: int) -> Partition:
    partition = Partition(TopicPartition("events", 3))
    partition.find(offset)
    return partition


def after(losses: list[bool], partition: Partition | None = None) -> Place:
    """The place of a partition that is lost so often, each time to be verified or not."""
    partition = partition or Partition(TopicPartition("events", 3))
    for verify in losses:
        partition.lose(verify=verify)
    return partition.place


def test_a_new_partition_is_lost_and_its_log_unverified() -> None:
    partition = Partition(TopicPartition("events", 3))
    assert partition.is_lost
    assert partition.place is Place.UNVERIFIED
    assert partition.is_void(0)


def test_one_that_is_lost_again_before_it_was_found_is_still_unverified() -> None:
    assert after([False]) is Place.UNVERIFIED
    partition = found(7)
    partition.lose()
    assert partition.place is Place.LOST
    assert after([True, False], found(7)) is Place.UNVERIFIED


def test_what_was_fetched_before_the_client_was_told_where_to_read_is_void() -> None:
    partition = found(7)
    before = partition.seeks
    assert not partition.is_void(before)
    partition.return_to(5)
    assert partition.is_void(before)
    assert not partition.is_void(partition.seeks)


def test_an_empty_front_reaches_back_to_where_the_client_was_told_to_read_and_is_taken_once() -> None:
    partition = found(7)
    assert partition.take_front(12) == 7
    assert partition.take_front(20) == 20


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_client_went_back_when_it_hands_out_what_is_recorded(place: int, offset: int) -> None:
    assert found(place).went_back(offset) is (offset < place)


class Reading(RuleBasedStateMachine):
    """A log that is read in batches, while the place is lost and found and what came is held back, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.partition = Partition(TopicPartition("events", 0))
        self.position = 0  # of the client
        self.recorded: list[int] = []
        self.fetched: list[tuple[int, int]] = []  # first offset, seeks

    @rule()
    def find(self) -> None:
        if self.partition.is_lost:
            self.position = len(self.recorded)
            self.partition.find(self.position)

    @rule(verify=st.booleans())
    def lose(self, verify: bool) -> None:
        self.partition.lose(verify=verify)

    @rule()
    def fetch(self) -> None:
        self.fetched.append((self.position, self.partition.seeks))
        self.position += 3

    @precondition(lambda self: self.fetched)
    @rule(held_back=st.booleans())
    def take(self, held_back: bool) -> None:
        first, seeks = self.fetched.pop(0)
        if self.partition.is_void(seeks):
            return
        if held_back:
            self.position = first
            self.partition.return_to(first)
            return
        assert not self.partition.went_back(first)
        self.recorded += range(first, first + 3)
        self.partition.record(first + 2)
        assert self.recorded == [*range(len(self.recorded))], "passed over, or recorded twice"
        assert self.partition.next_offset == len(self.recorded)


TestReading = Reading.TestCase
