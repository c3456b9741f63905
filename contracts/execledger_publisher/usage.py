"""What a model's answer says of its tokens, in the shapes of OpenAI, Anthropic and Gemini, as objects or as JSON.

Nothing of theirs is imported: a figure is taken where it is found under its name.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_WITHIN: Final = ("usage", "usage_metadata", "usageMetadata")


def tokens(usage: Any) -> dict[str, int]:
    """The token fields of an `llm.called`, from a usage object or from the answer that has one.

    >>> tokens({"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5})
    {'prompt_tokens': 100, 'completion_tokens': 5, 'cached_tokens': 90}
    """
    for name in _WITHIN:
        usage = inner if (inner := _get(usage, name)) is not None else usage
    if _get(usage, "prompt_token_count", "promptTokenCount") is not None:
        found = _of_gemini(usage)
    elif _get(usage, "cache_read_input_tokens", "cache_creation_input_tokens") is not None:
        found = _of_anthropic(usage)
    else:
        found = _of_openai(usage)
    return {name: count for name, count in found.items() if count is not None}


def _of_openai(usage: Any) -> dict[str, int | None]:
    """Of chat completions and of responses; also Anthropic's without a cache, which reads the same."""
    prompt = _get(usage, "prompt_tokens_details", "input_tokens_details")
    completion = _get(usage, "completion_tokens_details", "output_tokens_details")
    return {
        "prompt_tokens": _count(usage, "prompt_tokens", "input_tokens"),
        "completion_tokens": _count(usage, "completion_tokens", "output_tokens"),
        "cached_tokens": _count(prompt, "cached_tokens"),
        "reasoning_tokens": _count(completion, "reasoning_tokens"),
        "input_audio_tokens": _count(prompt, "audio_tokens"),
        "output_audio_tokens": _count(completion, "audio_tokens"),
    }


def _of_anthropic(usage: Any) -> dict[str, int | None]:
    """Whose `input_tokens` are those that the cache had no part in."""
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    return {
        "prompt_tokens": _sum(_count(usage, "input_tokens"), read, written),
        "completion_tokens": _count(usage, "output_tokens"),
        "cached_tokens": read,
        "cache_write_tokens": written,
    }


def _of_gemini(usage: Any) -> dict[str, int | None]:
    """Whose thoughts are no candidates, and whose tools' prompts are counted apart."""
    thoughts = _count(usage, "thoughts_token_count", "thoughtsTokenCount")
    return {
        "prompt_tokens": _sum(
            _count(usage, "prompt_token_count", "promptTokenCount"),
            _count(usage, "tool_use_prompt_token_count", "toolUsePromptTokenCount"),
        ),
        "completion_tokens": _sum(_count(usage, "candidates_token_count", "candidatesTokenCount"), thoughts),
        "cached_tokens": _count(usage, "cached_content_token_count", "cachedContentTokenCount"),
        "reasoning_tokens": thoughts,
        "input_audio_tokens": _audio(_get(usage, "prompt_tokens_details", "promptTokensDetails")),
        "output_audio_tokens": _audio(_get(usage, "candidates_tokens_details", "candidatesTokensDetails")),
    }


def _audio(details: Any) -> int | None:
    if not isinstance(details, Iterable):
        return None
    spoken = [_count(part, "token_count", "tokenCount") for part in details if "AUDIO" in str(_get(part, "modality"))]
    return _sum(*spoken)


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _count(holder: Any, *names: str) -> int | None:
    value = _get(holder, *names)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _get(holder: Any, *names: str) -> Any:
    """The first that is there, and is not None."""
    for name in names:
        try:
            value = holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
        except Exception:  # noqa: BLE001 - somebody's property must not cost the call
            value = None
        if value is not None:
            return value
    return None
