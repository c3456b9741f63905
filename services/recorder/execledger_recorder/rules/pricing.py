"""What a model call cost when nobody said so: the price table of the package `genai-prices`, which asks no network."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from execledger_contracts.events import Event, LlmCalled
from execledger_lifecycle.calls import TokenCounts, contradiction_of

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

    Rate = Decimal | TieredPrices | None

log = structlog.get_logger()

_NANO: Final = Decimal("1e-9")
_PER_MILLION: Final = 1_000_000
_PER_THOUSAND: Final = 1000
_MODELS_KEPT: Final = 4096


class Call(TokenCounts, Protocol):
    """What is known of a call."""

    @property
    def provider(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def cache_hit(self) -> bool | None: ...


def price_unreported(event: Event) -> int | None:
    """What a call cost when nobody says so. From here on it is what is stored, until somebody reprices."""
    if type(event) is LlmCalled and event.data.cost_usd is None:
        return price(event.data, event.time)
    return None


def price(call: Call, at: datetime) -> int | None:
    """The price in nano-dollars at that time; None when the table does not have it, or no tokens were said.

    None, too, when a part of the tokens is said to be larger than its whole: no price is made up.

    What an orchestrator answered from its own cache costs nothing. The library's faults are no fault of the call: it
    has no price then, and a line in the log. Measured: 6 µs a call, once its model was found in up to 0.5 ms. The
    library's own arithmetic gives the same, as a test shows for every model, and takes 67 µs, as it validates usage and
    table each time; a whole event has 55 µs.
    """
    if call.cache_hit and not call.cached_tokens:
        return 0
    if call.model is None or (call.prompt_tokens is None and call.completion_tokens is None) or contradiction_of(call):
        return None
    try:
        model = _find(call.provider, call.model)
        return None if model is None else _total(call, model.get_prices(at))
    except Exception as error:  # noqa: BLE001  # whatever a table does must not hold up a batch
        log.warning("price_failed", provider=call.provider, model=call.model, error=repr(error))
        return None


@cache
def version() -> str:
    """Which prices these are: the library's version, and a digest of its data, of which it gives none itself."""
    from genai_prices import __version__

    data = resources.files("genai_prices").joinpath("data.py").read_bytes()
    return f"genai-prices {__version__} sha256:{sha256(data).hexdigest()[:8]}"


@lru_cache(maxsize=_MODELS_KEPT)
def _find(provider: str | None, model: str) -> "ModelInfo | None":
    # Loading the table takes half a second and 90 MiB: who reports all costs never pays that.
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    # Each lookup has a snapshot of its own: what one remembers of names that producers make up is never forgotten.
    snapshot = DataSnapshot(providers, from_auto_update=False)
    try:
        return snapshot.find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None


def _total(call: Call, prices: "ModelPrice") -> int | None:
    from genai_prices.types import calc_unit_price

    rates = vars(prices)
    prompt, completion = call.prompt_tokens or 0, call.completion_tokens or 0
    parts = [
        *_split(
            prompt,
            rates.get("input_mtok"),
            (call.cached_tokens, rates.get("cache_read_mtok")),
            (call.cache_write_tokens, rates.get("cache_write_mtok")),
            (call.input_audio_tokens, rates.get("input_audio_mtok")),
        ),
        *_split(
            completion,
            rates.get("output_mtok"),
            (call.reasoning_tokens, rates.get("output_reasoning_mtok")),
            (call.output_audio_tokens, rates.get("output_audio_mtok")),
        ),
    ]
    if not _all_priced(parts):
        return None
    # A tier is chosen by the whole prompt, for all tokens.
    total = sum((calc_unit_price(rate, tokens, prompt, _PER_MILLION) for tokens, rate in parts), Decimal(0))
    total += calc_unit_price(rates.get("requests_kcount"), 1, prompt, _PER_THOUSAND)
    return int(total.quantize(_NANO, rounding=ROUND_HALF_EVEN).scaleb(9))


def _split(whole: int, rate: "Rate", *parts: tuple[int | None, "Rate"]) -> Iterator[tuple[int, "Rate"]]:
    """Tokens and what they cost; a part without a price of its own costs what the whole costs."""
    for part, part_rate in parts:
        if part is not None and part_rate is not None:
            yield part, part_rate
            whole -= part
    yield whole, rate


def _all_priced(parts: Iterable[tuple[int, "Rate"]]) -> bool:
    """Whether the parts together do not exceed their whole, and whatever was used has a price."""
    return all(tokens >= 0 and (tokens == 0 or rate is not None) for tokens, rate in parts)
