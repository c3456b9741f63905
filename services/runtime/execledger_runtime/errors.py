"""The kinds of trouble, by what they ask for. A bug has no name here: it ends the process."""


class MustWait(Exception):  # noqa: N818  # it says what is to be done
    """Nothing can be done now, and no record is at fault: wait and try again."""


class StoreUnavailable(MustWait):
    """Postgres cannot work now."""


class StoreTooSlow(StoreUnavailable):
    """A statement ran into its time limit: a smaller one may pass."""


class SessionLost(StoreUnavailable):
    """Postgres ended the session in its midst: a smaller transaction, which stands still for less long, may pass."""


class StoreBusy(StoreUnavailable):
    """All connections of this process are in use."""


class SchemaMissing(StoreUnavailable):
    """The database lacks what the migrations make."""


class LogReplaced(MustWait):
    """Kafka's log is not the one that the ledger is the account of: an operator has to say what happened."""


class LogDamaged(MustWait):
    """An event of the log is not as it was recorded: an operator has to mend it."""

    def __init__(self, execution_id: str, event_id: str) -> None:
        super().__init__(f"event {event_id} of execution {execution_id} is damaged in the log: restore its raw there")
        self.execution_id = execution_id
        self.event_id = event_id


class Unstorable(Exception):  # noqa: N818
    """Postgres refuses a value that it was given."""
