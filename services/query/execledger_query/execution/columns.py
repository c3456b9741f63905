"""All steps of an execution in one answer: a column for each of their fields. Pure."""

from typing import Final

from pydantic import Field, JsonValue

from execledger_query.views import Row, Shape, Step

FIELDS: Final = tuple(name for name in Step.model_fields if name not in ("input", "output"))
MOST_BYTES: Final = 33_554_432
"""What the rows of all steps may come to."""
_LARGE: Final = 1_000_000


class StepColumns(Shape):
    """The steps of an execution as columns."""

    columns: dict[str, list[JsonValue]] = Field(
        description="of each field of a step but its payloads the values, in the order of the list: times in "
        "milliseconds since 1970, errors without their stacks. One that is null throughout may be left out where the "
        "answer is large"
    )
    count: int = Field(description="how many steps there are, and so values in each column", examples=[2])


def body_of(row: Row) -> bytes:
    """The answer, as it is sent, of columns that are JSON already.

    A megabyte is promised to do for ten thousand steps. Each has sixteen values, of which most producers leave several
    out: beyond that size those that nobody says are not written ten thousand times as null.
    """
    columns = {name: row[name] or "[]" for name in FIELDS}
    if sum(map(len, columns.values())) > _LARGE:
        nothing = f"[{','.join(['null'] * row['count'])}]"
        columns = {name: values for name, values in columns.items() if values != nothing}
    members = ",".join(f'"{name}":{values}' for name, values in columns.items())
    return f'{{"columns":{{{members}}},"count":{row["count"]}}}'.encode()
