"""What a user of the command can mend."""


class UserError(Exception):
    """A fault that the user can mend. The message is shown alone, without a traceback, so it says how."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status
