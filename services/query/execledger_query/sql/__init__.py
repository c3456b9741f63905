"""The statements of the service, a file each; the first line of each says what it is for."""

from functools import cache
from importlib import resources


@cache
def statement(name: str) -> str:
    """The statement of that file."""
    return (resources.files(__package__) / f"{name}.sql").read_text(encoding="utf-8")


def names() -> list[str]:
    """Every statement there is."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".sql") for name in files if name.endswith(".sql"))
