"""The events as they are handed on: structs with the names and fields of the models.

A type checker sees the models. Of what those can do, the structs have the fields, `==`, `isinstance` and `match`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from execledger_contracts.models import *  # noqa: F403
else:
    from functools import reduce
    from operator import or_
    from types import UnionType
    from typing import get_args

    from pydantic import BaseModel

    from execledger_contracts import models
    from execledger_contracts.structs import struct_of

    def _handed_on(value):
        """Models, unions and tuples of models as structs; anything else as it is."""
        if isinstance(value, type) and issubclass(value, BaseModel):
            return struct_of(value)
        if isinstance(value, UnionType):
            return reduce(or_, map(struct_of, get_args(value)))
        return tuple(map(_handed_on, value)) if isinstance(value, tuple) else value

    globals().update(
        {
            name: _handed_on(value)
            for name, value in vars(models).items()
            if not name.startswith("_") and value is not BaseModel
        }
    )
