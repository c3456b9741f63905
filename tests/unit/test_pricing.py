"""What a call costs that nobody reported the cost of, worked out by hand from the table, and against the library."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from genai_prices import Usage
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider

from execledger_contracts.events import LlmCallData
from execledger_contracts.fields import MAX_COUNT
from execledger_recorder.rules import pricing

SPRING = datetime(2026, 4, 1, 20, tzinfo=UTC)


def price_of(model: str | None = "gpt-5", provider: str | None = "openai", at: datetime = SPRING, **said: Any) -> Any:
    """In dollars, as text."""
    nanos = pricing.price(LlmCallData(provider=provider, model=model, **said), at)
    return None if nanos is None else f"{Decimal(nanos).scaleb(-9).normalize():f}"


def test_prompt_and_completion_have_each_their_price() -> None:
    assert price_of(prompt_tokens=1_000_000) == "1.25"
    assert price_of(completion_tokens=1_000_000) == "10"
    assert price_of(prompt_tokens=812, completion_tokens=220) == "0.003215"


def test_cached_tokens_are_a_cheaper_part_of_the_prompt() -> None:
    assert price_of(prompt_tokens=1000, cached_tokens=400, completion_tokens=0) == "0.0008"


def test_reasoning_tokens_are_a_part_of_the_completion() -> None:
    assert price_of(prompt_tokens=0, completion_tokens=1000, reasoning_tokens=900) == "0.01"
    said: dict[str, Any] = {"completion_tokens": 1000, "reasoning_tokens": 900}
    assert price_of("sonar-deep-research", "perplexity", **said) == "0.0035"


def test_a_price_for_each_request_counts_once() -> None:
    assert price_of("sonar", "perplexity", prompt_tokens=0, completion_tokens=0) == "0.012"


def test_a_long_prompt_raises_the_price_of_all_tokens() -> None:
    said: dict[str, Any] = {"completion_tokens": 100, "cached_tokens": 100_000}
    assert price_of("gemini-2.5-pro", "google", prompt_tokens=200_000, **said) == "0.1385"
    assert price_of("gemini-2.5-pro", "google", prompt_tokens=200_001, **said) == "0.2765025"


def test_the_price_is_that_of_the_time_of_the_call() -> None:
    before, after = datetime(2025, 6, 9, 23, 59, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)
    assert price_of("o3", at=before, prompt_tokens=1000) == "0.01"
    assert price_of("o3", at=after, prompt_tokens=1000) == "0.002"


def test_a_model_is_known_by_any_of_its_names() -> None:
    said: dict[str, Any] = {"prompt_tokens": 1000}
    assert price_of("GPT-5", "OpenAI", **said) == price_of("gpt-5", None, **said) == "0.00125"
    assert price_of("anthropic.claude-3-5-sonnet-20240620-v1:0", "bedrock", **said) == "0.003"


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-5", "nobody"), ("no such model", "openai"), ("no such model", None), ("", ""), (None, "openai")],
)
def test_what_the_table_does_not_have_has_no_price(model: str | None, provider: str | None) -> None:
    assert price_of(model, provider, prompt_tokens=1, completion_tokens=1) is None


def test_a_call_that_said_no_tokens_has_no_price() -> None:
    assert price_of() is None
    assert price_of(cached_tokens=5, reasoning_tokens=5) is None
    assert price_of(prompt_tokens=0, completion_tokens=0) == "0"


def test_tokens_of_a_kind_without_a_price_have_none() -> None:
    assert price_of("whisper-1", prompt_tokens=10) is None
    assert price_of("text-embedding-3-small", prompt_tokens=1000) == "0.00002"
    assert price_of("text-embedding-3-small", prompt_tokens=1000, completion_tokens=1) is None


def test_a_part_that_exceeds_its_whole_has_no_price() -> None:
    assert price_of(prompt_tokens=10, cached_tokens=11) is None
    assert price_of(completion_tokens=10, cached_tokens=1) is None
    assert price_of(completion_tokens=2, reasoning_tokens=989) is None  # though the table has one price for both
    assert price_of("text-embedding-3-small", prompt_tokens=5, cached_tokens=1000) is None
    assert price_of(prompt_tokens=5, completion_tokens=1, cache_write_tokens=6) is None
    assert price_of(prompt_tokens=5, input_audio_tokens=6) is None
    assert price_of(completion_tokens=5, output_audio_tokens=6) is None


def test_parts_that_together_exceed_their_whole_have_no_price() -> None:
    said: dict[str, Any] = {"prompt_tokens": 10, "cached_tokens": 6}
    assert price_of("claude-sonnet-4-5", "anthropic", **said, cache_write_tokens=4) == "0.0000168"
    assert price_of("claude-sonnet-4-5", "anthropic", **said, cache_write_tokens=5) is None


def test_what_is_written_to_a_cache_and_audio_have_prices_of_their_own() -> None:
    assert price_of("claude-sonnet-4-5", "anthropic", prompt_tokens=1000, cache_write_tokens=400) == "0.0033"
    said: dict[str, Any] = {"prompt_tokens": 1000, "completion_tokens": 1000}
    audio: dict[str, Any] = {"input_audio_tokens": 400, "output_audio_tokens": 500}
    assert price_of("gpt-audio", **said) == "0.0125"
    assert price_of("gpt-audio", **said, **audio) == "0.0513"
    assert price_of(**said, **audio) == price_of(**said) == "0.01125"  # text and audio cost the same


def test_the_orchestrators_own_cache_costs_nothing() -> None:
    assert price_of("whatever", "nobody", cache_hit=True) == "0"
    assert price_of(cache_hit=True, prompt_tokens=1000) == "0"
    assert price_of(cache_hit=True, prompt_tokens=1000, cached_tokens=400) == "0.0008"  # the provider's cache
    assert price_of(cache_hit=False, prompt_tokens=1000) == "0.00125"


def test_a_price_is_rounded_half_even_to_nano_dollars() -> None:
    assert price_of("text-embedding-3-small", prompt_tokens=1) == "0.00000002"
    assert price_of("gemini-1.5-flash", "google", prompt_tokens=1) == "0.000000075"
    assert price_of("gemini-1.5-flash", "google", prompt_tokens=1, cached_tokens=1) == "0.000000019"  # of 18.75
    assert price_of("amazon.nova-micro-v1:0", "aws", prompt_tokens=6, cached_tokens=6) == "0.000000052"  # of 52.5


def test_absurd_counts_have_an_absurd_price_to_the_nano_dollar() -> None:
    said: dict[str, Any] = {"prompt_tokens": MAX_COUNT, "completion_tokens": MAX_COUNT, "cached_tokens": MAX_COUNT}
    assert price_of(**said) == f"{Decimal(MAX_COUNT) * Decimal('10.125') / 10**6:f}".rstrip("0")


def test_a_fault_of_the_library_is_no_fault_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no prices today")

    monkeypatch.setattr(ModelInfo, "get_prices", broken)
    assert price_of(prompt_tokens=1) is None


def test_the_version_says_library_and_data() -> None:
    name, number, digest = pricing.version().split()
    assert (name, number[0].isdigit(), digest[:7], len(digest)) == ("genai-prices", True, "sha256:", 15)


def models() -> Iterator[tuple[Provider, ModelInfo]]:
    for provider in providers:
        for model in provider.models:
            yield provider, model


@pytest.mark.parametrize("hour", [2, 20])
@pytest.mark.parametrize(
    "tokens",
    [(1000, 300, 100, 50, 0, 0, 0), (1000, 300, 0, 0, 90, 80, 70), (300_001, 7, 200_001, 0, 3, 2, 1), (0,) * 7],
)
def test_every_model_costs_what_the_library_says(tokens: Sequence[int], hour: int) -> None:
    """Ours is the library's arithmetic without its validation: a new kind of price in the table shows here."""
    prompt, completion, cached, reasoning, written, audio_in, audio_out = tokens
    at, known = SPRING.replace(hour=hour), 0
    usage = Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cache_read_tokens=cached,
        output_reasoning_tokens=reasoning,
        cache_write_tokens=written,
        input_audio_tokens=audio_in,
        output_audio_tokens=audio_out,
        # How much of the one is of the other nobody says: nothing, or it would be priced twice.
        cache_audio_read_tokens=0,
        cache_audio_write_tokens=0,
        output_audio_reasoning_tokens=0,
    )
    call = LlmCallData(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
        input_audio_tokens=audio_in,
        output_audio_tokens=audio_out,
    )
    for provider, model in models():
        ours = pricing._total(call, model.get_prices(at))
        if ours is None:
            assert not {"input_mtok", "output_mtok"} <= vars(model.get_prices(at)).keys()
            continue
        theirs = model.calc_price(usage, provider, genai_request_timestamp=at).total_price
        rounded = theirs.quantize(Decimal("1e-9"), rounding=ROUND_HALF_EVEN)
        assert Decimal(ours).scaleb(-9) == rounded, (provider.id, model.id)
        known += 1
    assert known > 2000
