"""The two modes in which a CloudEvent comes: one JSON object, or attributes as headers and data as value."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from execledger_contracts.cleaning import UNSTORABLE
from execledger_contracts.ignored import Notes, Rule
from execledger_contracts.models import COSTS_THE_EVENT, OtherEvent, model_of
from execledger_contracts.parsing import BOM, MAX_DEPTH, parse, parse_exactly

Headers = Iterable[tuple[str, bytes | None]]
Attributes = dict[str, str]

_NO_ATTRIBUTES: Final = ("data", "data_base64")


class NotUtf8Error(ValueError):
    """An attribute that says which event it is cannot be read."""


def binary_attributes(headers: Headers) -> Attributes | None:
    """The attributes of an event in binary mode, which `ce_specversion` tells; None in structured mode."""
    sent = {name.lower(): value for name, value in headers if value is not None}
    content_type = sent.get("content-type", b"").strip().lower()
    if "ce_specversion" not in sent or content_type.startswith(b"application/cloudevents"):
        return None
    attributes = {
        name[3:]: _header_text(name[3:], value)
        for name, value in sent.items()
        if name.startswith("ce_") and name[3:] not in _NO_ATTRIBUTES
    }
    if content_type and not _is_json(kind := content_type.decode(errors="replace")):
        attributes.setdefault("datacontenttype", kind)
    return attributes


def assembled(attributes: Attributes, data: bytes) -> bytes:
    """An event in binary mode as one JSON object; data that is not JSON stands in it as text, else as base64."""
    envelope = json.dumps(attributes).encode()
    data = data.removeprefix(BOM)
    if not data.strip():
        return envelope
    if _may_be_json(attributes) and _is_json_value(data):
        member = b'"data":' + data
    else:
        member = _as_base64(data) if _is_of_the_table(attributes) else _as_text(data)
    return envelope[:-1] + b"," + member + b"}"


def with_data_inline(sent: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """CloudEvents may carry data as base64 in structured mode: JSON is kept as data, anything else as it came.

    Of the types of the table, whose data is an object, what is not JSON cannot be read.
    """
    document = {name: value for name, value in sent.items() if name != "data_base64"}
    encoded = sent.get("data_base64")
    if encoded is None or sent.get("data") is not None:
        return document
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        notes.add("data", Rule.UNREADABLE)
        return dict(sent)
    if not (value := value.removeprefix(BOM)).strip():
        return document
    if _may_be_json(sent):
        with suppress(ValueError):
            return {**document, "data": parse(value.decode(), MAX_DEPTH)}
    if _is_of_the_table(sent):
        notes.add("data", Rule.UNREADABLE)
    return dict(sent)


def _header_text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        if name in COSTS_THE_EVENT:
            raise NotUtf8Error(f"a ce_ header is not UTF-8: {error.reason}") from None
        return value.decode(errors="surrogateescape")  # which is no character either, and noted as such


def _is_of_the_table(attributes: Mapping[str, Any]) -> bool:
    return model_of(attributes.get("type")) is not OtherEvent


def _may_be_json(attributes: Mapping[str, Any]) -> bool:
    """Data of a type of the table always; of another what is not said to be something else."""
    content_type = attributes.get("datacontenttype")
    return not isinstance(content_type, str) or _is_json(content_type) or _is_of_the_table(attributes)


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))


def _is_json_value(data: bytes) -> bool:
    """Whether it is JSON alone: a broken value must not be completed by what surrounds it."""
    for read in (parse_exactly, lambda value: parse(value.decode())):
        with suppress(ValueError):
            read(data)
            return True
    return False


def _as_text(data: bytes) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _as_base64(data)
    return _as_base64(data) if UNSTORABLE.search(text) else b'"data":' + json.dumps(text).encode()


def _as_base64(data: bytes) -> bytes:
    return b'"data_base64":' + json.dumps(base64.b64encode(data).decode()).encode()
