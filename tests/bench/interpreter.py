"""Which Python measures and is measured, and whether it was built to be fast."""

import platform
import sysconfig
from dataclasses import dataclass

SLOWER_WITHOUT_OPTIMISATION = 1.45


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, as the arguments of its own build describe it; those of some distributions keep it to themselves."""

    name: str
    version: str
    profile_guided: bool
    link_time_optimised: bool

    def __str__(self) -> str:
        how = {
            (True, True): "built with PGO and LTO",
            (True, False): "built with PGO, without LTO",
            (False, True): "built with LTO, WITHOUT PGO",
            (False, False): "built WITHOUT PGO and LTO",
        }[self.profile_guided, self.link_time_optimised]
        return f"{self.name} {self.version}, {how}"

    @property
    def warning(self) -> str | None:
        """What to think of figures that were made with it."""
        if self.profile_guided:
            return None
        return (
            f"An interpreter built without profile-guided optimisation is about {SLOWER_WITHOUT_OPTIMISATION} times "
            "slower on the record path."
        )


def described(name: str, version: str, arguments: str) -> Interpreter:
    """By the arguments that Python's configure was called with."""
    return Interpreter(
        name,
        version,
        profile_guided="--enable-optimizations" in arguments,
        link_time_optimised="--with-lto" in arguments and "--with-lto=no" not in arguments,
    )


def running() -> Interpreter:
    """The one that this runs in; recorders are started with the same."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return described(platform.python_implementation(), platform.python_version(), arguments)
