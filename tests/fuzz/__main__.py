"""make fuzz: decoding, fed by atheris, which keeps the inputs that reach new code and goes on from them.

Each input is taken in one of five ways: as a record; as a sample or an event of the benchmark with a piece replaced
by it, or by a token that readers of JSON dislike; the same with one value replaced by one that two readers may read
differently; as the headers and data of a binary event. What structs read, the models must read alike. libFuzzer's
options are taken as they are: -runs=N (default 1,000,000), -seed=N, a file to run again.
"""

import contextlib
import json
import sys
import tempfile
from collections import Counter

import atheris

with atheris.instrument_imports(include=["execledger_contracts"]):
    from decoding_promises import CORPUS, EVENTS, TOKENS, VALUES, check, paths, with_token

_RUNS = 1_000_000
_PROGRESS = 100_000  # inputs between two lines: libFuzzer ends the process without a word of ours
_ATTRIBUTES = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "tenantid",
    "sequence",
    "attempt",
    "dataschema",
]
_GOOD = {name: str(text).encode() for name, text in json.loads(CORPUS[0]).items() if isinstance(text, str)}
_WAYS = [(event, paths(event)) for event in EVENTS]
_CONTENT_TYPES = [b"", b"application/json", b"application/cloudevents+json"]

_inputs: Counter[str] = Counter()


def fuzz(data: bytes) -> None:
    """Decode one input. Raises when decoding does, or breaks a promise."""
    provider = atheris.FuzzedDataProvider(data)
    way = provider.ConsumeIntInRange(0, 4)
    if way == 0:
        is_event = check(provider.ConsumeBytes(provider.remaining_bytes()) or None)
    elif way == 3:
        is_event = check(*_binary(provider))
    elif way == 4:
        is_event = check(_exchanged(provider))
    else:
        is_event = check(_spliced(provider, tokens=way == 1))
    _inputs["events" if is_event else "dead letters"] += 1
    if _inputs.total() % _PROGRESS == 0:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(_inputs.items()))
        print(f"{_inputs.total():,} inputs kept every promise: {counts}", file=sys.stderr, flush=True)  # noqa: T201


def _spliced(provider: atheris.FuzzedDataProvider, *, tokens: bool) -> bytes:
    record = provider.PickValueInList(CORPUS)
    at = provider.ConsumeIntInRange(0, len(record))
    dropped = provider.ConsumeIntInRange(0, 24)
    piece = provider.PickValueInList(TOKENS) if tokens else provider.ConsumeBytes(provider.remaining_bytes())
    return bytes(record[:at] + piece + record[at + dropped :])


def _exchanged(provider: atheris.FuzzedDataProvider) -> bytes:
    event, ways = provider.PickValueInList(_WAYS)
    token = provider.PickValueInList(VALUES) if provider.ConsumeBool() else provider.ConsumeBytes(40)
    return with_token(event, provider.PickValueInList(ways), token)


def _binary(provider: atheris.FuzzedDataProvider) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    changed = provider.PickValueInList(_ATTRIBUTES)
    said = {**_GOOD, changed: provider.ConsumeBytes(provider.ConsumeIntInRange(0, 40))}
    headers: list[tuple[str, bytes | None]] = [("content-type", provider.PickValueInList(_CONTENT_TYPES))]
    headers += [(f"ce_{name}", value) for name, value in said.items()]
    return provider.ConsumeBytes(provider.remaining_bytes()), headers


def main() -> None:
    """Run until the inputs are used up. libFuzzer ends the process: 0, or 77 with the input that broke a promise."""
    folder = tempfile.mkdtemp(prefix="execledger-fuzz-")
    arguments = sys.argv[1:]
    if not any(argument.startswith("-runs=") or not argument.startswith("-") for argument in arguments):
        arguments.append(f"-runs={_RUNS}")
    atheris.Setup([sys.argv[0], f"-artifact_prefix={folder}/", "-max_len=4096", "-len_control=0", *arguments], fuzz)
    with contextlib.suppress(KeyboardInterrupt):
        atheris.Fuzz()


if __name__ == "__main__":
    main()
