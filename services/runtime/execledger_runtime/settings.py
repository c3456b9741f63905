"""Settings by environment variable, or, what is secret, by a file that a variable names."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Secret, SecretStr, ValidationError


def _without_pooler(said: str) -> str:
    if said != "none":
        raise ValueError("sessions have to be ours: let EXECLEDGER_POSTGRES_DSN name Postgres itself, and this be none")
    return said


Pooler = Annotated[Literal["none", "transaction"], AfterValidator(_without_pooler)]
"""What lies between a service and Postgres."""
_PREFIX: Final = "EXECLEDGER_"
_FILE: Final = "_FILE"
_ALIKE: Final = 0.9


class Fault(NamedTuple):
    """What is wrong with a variable, without its value: that may be a secret."""

    variable: str
    reason: str
    meaning: str = ""
    is_missing: bool = False

    def __str__(self) -> str:
        return f"{self.variable}: {self.reason}{f' ({self.meaning})' if self.meaning else ''}"


class SettingsError(Exception):
    """What a process cannot start with: a line for each fault, which names the variable and never shows a secret."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults: Sequence[Fault] = faults


class EnvironmentSettings(BaseModel):
    """Each field is the variable EXECLEDGER_ and its name in capitals; an empty variable counts as not set.

    A secret may be in a file instead, which the variable with _FILE behind it names.
    """

    model_config = ConfigDict(frozen=True, validate_default=True)

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The settings of an environment. Raises SettingsError."""
        said = _said(cls, environment)
        try:
            return cls.model_validate({field: value for field, (_, value) in said.items()})
        except ValidationError as error:
            raise SettingsError(*_refused(cls, error, said)) from None

    @classmethod
    def variables(cls) -> list[str]:
        """The names of all that is read."""
        return [name for field in cls.model_fields for name in _names(cls, field)]

    @classmethod
    def described(cls) -> str:
        """A line for each variable, with its meaning and default: for --help."""
        width = max(map(len, cls.variables()))
        return "\n".join(f"  {name:<{width}}  {meaning}" for name, meaning in _meanings(cls))

    @classmethod
    def misspelt(cls, names: Iterable[str]) -> list[tuple[str, str]]:
        """Names that look like one of these variables but are none, each with the one that may be meant."""
        known = cls.variables()
        strange = [name for name in names if name.startswith(_PREFIX) and name not in known]
        alike = [(name, get_close_matches(name, known, 1, _ALIKE)) for name in strange]
        return [(name, meant[0]) for name, meant in alike if meant]


def variable(field: str) -> str:
    """The variable of a field."""
    return _PREFIX + field.upper()


def _names(settings: type[EnvironmentSettings], field: str) -> list[str]:
    """The variables of a field: one, or for a secret two."""
    annotation = settings.model_fields[field].annotation
    kinds = {get_origin(kind) or kind for kind in (annotation, *get_args(annotation))}
    name = variable(field)
    return [name, name + _FILE] if kinds & {Secret, SecretStr} else [name]


def _meanings(settings: type[EnvironmentSettings]) -> Iterator[tuple[str, str]]:
    for field, known in settings.model_fields.items():
        name, *files = _names(settings, field)
        default = "required" if known.is_required() else _default(known.default)
        yield name, f"{known.description} [{default}]"
        yield from ((file, f"a file that holds it, instead of {name}") for file in files)


def _default(default: object) -> str:
    return "not set" if default is None else f"default {int(default) if isinstance(default, bool) else default}"


def _said(settings: type[EnvironmentSettings], environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """By field the variable that says it, and what it says. Raises SettingsError when it cannot be told."""
    said: dict[str, tuple[str, str]] = {}
    faults: list[Fault] = []
    for field in settings.model_fields:
        names = [name for name in _names(settings, field) if environment.get(name)]
        try:
            if len(names) > 1:
                raise ValueError(f"should not be set beside {names[0]}")
            for name in names:
                said[field] = name, environment[name] if name == variable(field) else _content(environment[name])
        except ValueError as error:
            faults.append(Fault(names[-1], str(error)))
    if faults:
        raise SettingsError(*faults)
    return said


def _content(file: str) -> str:
    """What a file holds, without the line break at its end. Raises ValueError."""
    try:
        content = Path(file).read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not text in UTF-8") from None
    if not content:
        raise ValueError(f"{file} is empty")
    return content


def _refused(
    settings: type[EnvironmentSettings], error: ValidationError, said: Mapping[str, tuple[str, str]]
) -> Iterator[Fault]:
    """What pydantic says; of what is wrong with several fields together it is told with a variable's name."""
    for details in error.errors(include_url=False, include_input=False, include_context=False):
        reason = details["msg"].removeprefix("Value error, ")
        is_missing = details["type"] == "missing"
        if not details["loc"]:
            name, _, reason = reason.partition(": ")
            yield Fault(name, reason, is_missing=is_missing)
            continue
        field = str(details["loc"][0])
        name = said[field][0] if field in said else variable(field)
        meaning = settings.model_fields[field].description or ""
        yield Fault(name, f"{reason[:1].lower()}{reason[1:]}", meaning, is_missing)
