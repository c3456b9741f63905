"""A state of the fold that changes raises FORMAT: else what an earlier version stored would look damaged."""

from dataclasses import fields
from hashlib import sha256
from typing import Final, get_type_hints

from execledger_lifecycle import AttemptFold, ExecutionFold, StepFold
from execledger_lifecycle.state import FORMAT

SHAPES: Final = {4: "c3d567ade7a1fb7b"}
"""By format, what its states hold. After a change raise FORMAT, and put its number and the new digest here."""


def test_a_format_names_one_shape() -> None:
    states = {state.__name__: state for state in (ExecutionFold, AttemptFold, StepFold)}
    held = [(name, f.name, str(get_type_hints(state)[f.name])) for name, state in states.items() for f in fields(state)]
    assert {FORMAT: sha256(repr(held).encode()).hexdigest()[:16]} == SHAPES
