"""Who is told now and who was told lately: a producer's fault is in each of its events, and worth a line a minute."""

from typing import Final

_EVERY_SECONDS: Final = 60.0
_MOST: Final = 1000


class Notices:
    """Remembers when something was last said of whom; of at most a thousand, the rest is not spoken of."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def is_due(self, of: str, now: float) -> bool:
        """Whether to speak of it: nothing was said for a minute; then that is remembered."""
        if of in self._said and now - self._said[of] < _EVERY_SECONDS:
            return False
        if len(self._said) >= _MOST:
            self._said = {each: at for each, at in self._said.items() if now - at < _EVERY_SECONDS}
        if len(self._said) >= _MOST:
            return False
        self._said[of] = now
        return True
