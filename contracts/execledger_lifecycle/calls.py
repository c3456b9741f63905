"""What a model call says of its tokens: parts and wholes."""

from typing import Final, Protocol


class TokenCounts(Protocol):
    """The tokens of a call: of the prompt some were cached, written to a cache or audio; of the completion the same."""

    @property
    def prompt_tokens(self) -> int | None: ...
    @property
    def completion_tokens(self) -> int | None: ...
    @property
    def cached_tokens(self) -> int | None: ...
    @property
    def cache_write_tokens(self) -> int | None: ...
    @property
    def reasoning_tokens(self) -> int | None: ...
    @property
    def input_audio_tokens(self) -> int | None: ...
    @property
    def output_audio_tokens(self) -> int | None: ...


_PARTS: Final = {
    "prompt_tokens": ("cached_tokens", "cache_write_tokens", "input_audio_tokens"),
    "completion_tokens": ("reasoning_tokens", "output_audio_tokens"),
}


def contradiction_of(call: TokenCounts) -> str | None:
    """Which part of its tokens is larger than its whole; None when none is."""
    for whole, parts in _PARTS.items():
        total: int | None = getattr(call, whole)
        for part in parts:
            count: int | None = getattr(call, part)
            if count is not None and count > (total or 0):
                return f"{count} {part} of {'no' if total is None else total} {whole}"
    return None
