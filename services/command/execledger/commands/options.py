"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

DEFAULT_DATA = Path(".execledger")

Data = Annotated[Path, Parameter(name="--data", help="The local stack's data directory.")]
