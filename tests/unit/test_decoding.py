"""From the bytes of a record to an event: each rule of the contract."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest
from pydantic import BaseModel

from execledger_contracts import schema
from execledger_contracts.cleaning import _OBJECTS, Limits, may_need_care
from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode, reread
from execledger_contracts.events import DATASCHEMA, ExecutionStarted, OtherEvent, canonical_type
from execledger_contracts.ignored import MORE, Ignored, Rule
from execledger_contracts.models import MODELS, TABLE_EVENTS
from execledger_contracts.samples import INVALID, LENIENT, VALID, normalised

NOON = 1767268800000  # 2026-01-01T12:00:00Z, as Kafka writes it
SMALL = Limits(text_bytes=16_384, json_bytes=16_384)


def event(data: Any = None, **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "019b2f6e-7c00-7a31-9d52-6f0c8c1e4b7a",
        "source": "/orchestrator",
        "type": "execution.started",
        "subject": "run-1",
        "time": "2026-01-01T12:00:00Z",
        **({} if data is None else {"data": data}),
        **attributes,
    }


def read(data: Any = None, **attributes: Any) -> Decoded:
    result = decode(json.dumps(event(data, **attributes)).encode())
    assert isinstance(result, Decoded), result
    return result


def data_of(data: Any, **attributes: Any) -> Any:
    decoded = read(data, **attributes)
    assert not isinstance(decoded.event, OtherEvent)
    return decoded.event.data


def refused(data: Any = None, **attributes: Any) -> Undecodable:
    return refused_bytes(json.dumps(event(data, **attributes)).encode())


def refused_bytes(value: bytes | None, **more: Any) -> Undecodable:
    result = decode(value, **more)
    assert isinstance(result, Undecodable), result
    return result


def raw(data: str) -> bytes:
    return json.dumps(event())[:-1].encode() + b', "data": ' + data.encode() + b"}"


def in_binary_mode(value: bytes | None, /, **attributes: str) -> Decoded | Undecodable:
    sent = {**{name: value for name, value in event().items() if isinstance(value, str)}, **attributes}
    return decode(value, [("content-type", b"application/json"), *((f"ce_{k}", v.encode()) for k, v in sent.items())])


class TestSamples:
    @pytest.mark.parametrize("sample", [*VALID, *LENIENT, *INVALID], ids=lambda sample: sample.name)
    def test_a_sample_decodes_as_its_file_says(self, sample: Any) -> None:
        folder = "invalid" if sample.reason else "lenient" if sample in LENIENT else "valid"
        document = json.loads((schema.ROOT / "samples" / folder / f"{sample.name}.json").read_text("utf-8"))
        result = decode(sent_value(document), sent_headers(document), document.get("timestamp_ms", -1))
        expected = document["expected"]
        if isinstance(result, Undecodable):
            assert (result.reason, result.detail) == (expected["reason"], expected["detail"])
        else:
            assert result.event_id == expected["event_id"]
            assert canonical_type(result.event.type) == expected["reads_as"]
            assert [note._asdict() for note in result.ignored] == expected.get("ignored", [])
            assert normalised(result.event) == expected["event"]

    def test_there_is_a_file_for_each_sample(self) -> None:
        assert len(list(Path(schema.ROOT, "samples").rglob("*.json"))) == len(VALID) + len(LENIENT) + len(INVALID)


def sent_value(document: dict[str, Any]) -> bytes | None:
    if "json" in document:
        return json.dumps(document["json"], indent=1).encode()
    if "base64" in document:
        return base64.b64decode(document["base64"])
    return None if document["text"] is None else str(document["text"]).encode()


def sent_headers(document: dict[str, Any]) -> list[tuple[str, bytes | None]]:
    return [(name, value.encode()) for name, value in document.get("headers", {}).items()]


class TestModes:
    def test_structured_mode_needs_no_content_type(self) -> None:
        value = json.dumps(event()).encode()
        for kind in (b"application/cloudevents+json; charset=UTF-8", b"application/json", b"text/plain"):
            assert decode(value, [("content-type", kind)]) == decode(value)

    def test_binary_and_structured_mode_give_the_same_event(self) -> None:
        data = {"step": {"id": "draft", "iteration": 3}, "output": ["ü", 1.5]}
        attributes = {"type": "step.completed", "sequence": "7", "attempt": "2", "tenantid": "acme", "id": "e1"}
        binary = in_binary_mode(json.dumps(data).encode(), **attributes)
        structured = read(data, **attributes)
        assert isinstance(binary, Decoded)
        assert binary.event == structured.event
        assert binary.event_id == structured.event_id
        assert json.loads(binary.text) == json.loads(structured.text)

    def test_binary_mode_is_told_by_its_headers_in_any_case(self) -> None:
        result = decode(None, [(f"CE_{name.upper()}", str(value).encode()) for name, value in event().items()])
        assert isinstance(result, Decoded)

    @pytest.mark.parametrize("value", [None, b"", b" \n"])
    def test_binary_mode_may_have_no_data(self, value: bytes | None) -> None:
        assert isinstance(in_binary_mode(value), Decoded)

    def test_binary_data_cannot_reach_out_of_the_data(self) -> None:
        result = in_binary_mode(b'{}, "subject": "another"')
        assert isinstance(result, Decoded)
        assert result.event.subject == "run-1"
        assert result.ignored == (Ignored("data", Rule.UNREADABLE),)

    def test_a_header_named_data_is_no_data(self) -> None:
        result = in_binary_mode(b'{"query": "q"}', data="{}", data_base64="e30=")
        assert isinstance(result, Decoded)
        assert json.loads(result.text)["data"] == {"query": "q"}
        assert "data_base64" not in json.loads(result.text)
        without = in_binary_mode(None, data="{}", data_base64="e30=")
        assert isinstance(without, Decoded)
        assert json.loads(without.text).keys() == event().keys()

    def test_a_header_that_is_no_utf8_is_said_so(self) -> None:
        headers = [(f"ce_{name}", str(value).encode()) for name, value in event().items()]
        assert refused_bytes(b"{}", headers=[*headers, ("ce_tenantid", b"\xff")]).reason is Reason.NOT_UTF8
        result = decode(b"{}", [*headers, ("ce_note", b"a\xff")])
        assert isinstance(result, Decoded)
        assert result.ignored == (Ignored("note", Rule.CHARACTERS),)
        assert json.loads(result.text)["note"] == "a\ufffd"

    def test_a_stray_header_beside_a_structured_event_does_not_make_it_binary(self) -> None:
        value = json.dumps(event()).encode()
        assert decode(value, [("ce_traceparent", b"00-1"), ("ce_id", b"another")]) == decode(value)

    def test_a_byte_order_mark_is_no_part_of_the_json(self) -> None:
        value = json.dumps(event({"query": "q"})).encode()
        assert decode(b"\xef\xbb\xbf" + value) == decode(value)
        assert in_binary_mode(b'\xef\xbb\xbf{"query": "q"}') == in_binary_mode(b'{"query": "q"}')
        encoded = base64.b64encode(b'\xef\xbb\xbf{"query": "q"}').decode()
        assert read(data_base64=encoded).event == read({"query": "q"}).event

    @pytest.mark.parametrize(
        ("sent", "content_type", "kept"),
        [
            (b"hmm", b"text/plain", {"data": "hmm"}),
            (b"12", b"text/plain", {"data": "12"}),
            (b"12", b"application/json", {"data": 12}),
            (b"[1", b"application/json", {"data": "[1"}),
            (b"{}", None, {"data": {}}),
            (b"\x89PNG\r\n", b"image/png", {"data_base64": "iVBORw0K"}),
            (b"a\0b", b"text/plain", {"data_base64": "YQBi"}),
        ],
    )
    def test_another_type_may_have_any_data(
        self, sent: bytes, content_type: bytes | None, kept: dict[str, Any]
    ) -> None:
        headers = [(f"ce_{name}", str(value).encode()) for name, value in event(type="agent.saw").items()]
        result = decode(sent, [*headers, ("Content-Type", content_type)])
        assert isinstance(result, Decoded)
        assert result.ignored == ()
        assert {name: value for name, value in json.loads(result.text).items() if name.startswith("data")} == {
            **kept,
            **({"datacontenttype": content_type.decode()} if content_type and b"json" not in content_type else {}),
        }
        assert reread(result.text) == result.event

    def test_bytes_of_another_type_stay_as_base64_in_structured_mode(self) -> None:
        decoded = read(type="agent.saw", data_base64="iVBORw0K")
        assert decoded.ignored == ()
        assert json.loads(decoded.text)["data_base64"] == "iVBORw0K"

    @pytest.mark.parametrize("encoded", ["iVBORw0K", "no base64", 5, "eyJhIjo="])
    def test_data_of_the_table_that_cannot_be_read_is_left_out_and_kept_in_the_log(self, encoded: Any) -> None:
        decoded = read(data_base64=encoded)
        assert decoded.ignored == (Ignored("data", Rule.UNREADABLE),)
        assert decoded.event == read().event
        assert json.loads(decoded.text)["data_base64"] == encoded

    def test_data_as_base64_is_kept_as_data(self) -> None:
        decoded = read(data_base64=base64.b64encode(b'{"query": "q"}').decode())
        assert json.loads(decoded.text)["data"] == {"query": "q"}
        assert decoded.event == read({"query": "q"}).event

    @pytest.mark.parametrize("kind", ["execution.started", "agent.thinking"])
    def test_data_as_base64_counts_when_data_is_null(self, kind: str) -> None:
        encoded = base64.b64encode(b'{"query": "q"}').decode()
        assert json.loads(read(type=kind, data=None, data_base64=encoded).text)["data"] == {"query": "q"}

    def test_no_bytes_as_base64_are_no_data_as_in_binary_mode(self) -> None:
        assert read(data_base64="").event == read().event
        assert refused(type="step.started", data_base64="").detail == "data: is missing"

    def test_an_attribute_that_is_null_is_left_out(self) -> None:
        nulls = dict.fromkeys(("tenantid", "attempt", "sequence", "partitionkey", "traceparent", "dataschema", "data"))
        assert read(**nulls).event == read().event
        assert reread(read(**nulls).text) == read().event
        assert refused(subject=None).detail == "subject: is missing"

    def test_so_is_one_whose_header_is_null(self) -> None:
        headers = [(f"ce_{name}", str(value).encode()) for name, value in event().items()]
        nulls = [(f"ce_{name}", None) for name in ("tenantid", "attempt", "sequence", "traceparent")]
        assert decode(b"{}", [*headers, *nulls]) == decode(b"{}", headers)
        assert refused_bytes(b"{}", headers=[*headers[:-2], ("ce_subject", None)]).detail == "subject: is missing"


class TestIdentity:
    @pytest.mark.parametrize(
        "sent",
        [
            "42",
            "ü\n",
            "019b2f6e-7c00-7a31-9d52-6f0c8c1e4b7a",
            "019B2F6E-7C00-7A31-9D52-6F0C8C1E4B7A",
            "019b2f6e7c007a319d526f0c8c1e4b7a",
        ],
    )
    def test_it_is_made_from_source_and_id_whatever_the_id_looks_like(self, sent: str) -> None:
        assert read(id=sent, source="/a").event_id == str(uuid5(NAMESPACE_URL, f"/a\n{sent}"))

    def test_the_digest_is_that_of_what_it_says_and_not_of_how(self) -> None:
        said = {"query": "q", "metadata": {"a": 1, "b": [2.5, None]}}
        decoded = read(said)
        assert read(dict(reversed(said.items())), partitionkey="k").digest == decoded.digest
        assert read({**said, "query": "Q"}).digest != decoded.digest
        assert read({**said, "metadata": {"a": 1.0, "b": [2.5, None]}}).digest != decoded.digest

    @pytest.mark.parametrize(
        "other", [{"type": "execution.created"}, {"time": "2026-01-01T00:00:00Z"}, {"attempt": 2}, {"sequence": 1}]
    )
    def test_another_type_time_attempt_or_sequence_is_another_content(self, other: dict[str, Any]) -> None:
        assert read({"query": "q"}, **other).digest != read({"query": "q"}).digest

    def test_the_same_id_of_another_source_is_another_event(self) -> None:
        assert read(source="urn:a").event_id != read(source="urn:b").event_id

    @pytest.mark.parametrize(
        ("name", "most"), [("id", 1024), ("source", 1024), ("type", 255), ("subject", 255), ("tenantid", 255)]
    )
    def test_identifiers_have_a_length(self, name: str, most: int) -> None:
        assert read(**{name: "ü" * most}).ignored == ()
        too_long = refused(**{name: "ü" * (most + 1)}).detail
        assert too_long.startswith(f"{name}: must have at most {most} characters, this is ")
        assert refused(**{name: ""}).detail == f'{name}: must not be empty, this is ""'

    @pytest.mark.parametrize("name", ["id", "source", "subject", "tenantid", "type"])
    @pytest.mark.parametrize("code", [0, 0xD800, 0xDFFF])
    def test_identifiers_hold_no_nul_and_no_lone_surrogate(self, name: str, code: int) -> None:
        detail = refused(**{name: f"a{chr(code)}b"}).detail
        assert detail.startswith(f"{name}: must not hold NUL or a lone surrogate, this is ")
        assert detail.isprintable()

    def test_the_tenant_is_default_when_nothing_is_said(self) -> None:
        assert read().event.tenantid == "default"

    def test_attempt_and_sequence_are_read_from_digits_too(self) -> None:
        sent = read(attempt="3", sequence="12").event
        assert (sent.attempt, sent.sequence) == (3, 12)
        assert read().event.attempt == 1
        assert read(sequence=0).event.sequence == 0

    @pytest.mark.parametrize(
        ("attributes", "detail"),
        [
            ({"attempt": 0}, "attempt: must be at least 1, this is 0"),
            ({"attempt": "0"}, "attempt: must be at least 1, this is 0"),
            ({"attempt": True}, "attempt: must be a whole number, this is true"),
            ({"attempt": 2**31}, "attempt: must be at most 2147483647, this is 2147483648"),
            ({"attempt": "two"}, 'attempt: must be a whole number, this is "two"'),
        ],
    )
    def test_an_attempt_keeps_its_bounds(self, attributes: dict[str, Any], detail: str) -> None:
        assert refused(**attributes) == Undecodable(Reason.INVALID, detail)

    @pytest.mark.parametrize(
        ("sent", "read_as"),
        [("0" * 40 + "12", 12), ("0" * 30, 0), ("9" * 18, 10**18 - 1), (10**18 - 1, 10**18 - 1), (3.0, 3)],
    )
    def test_a_sequence_has_18_digits_behind_any_zeros(self, sent: Any, read_as: int) -> None:
        decoded = read(sequence=sent)
        assert (decoded.event.sequence, decoded.ignored) == (read_as, ())

    @pytest.mark.parametrize(
        ("sent", "rule"),
        [
            *((sent, Rule.OUT_OF_RANGE) for sent in ("1" * 19, "0" * 5 + "1" * 19, 10**18, -1, 1e300)),
            *((sent, Rule.WRONG_TYPE) for sent in ("01JDZ3A4Q0000", "-1", "", "twelve", "1.5", "²", 0.5, True, [1])),
        ],
    )
    def test_any_other_sequence_orders_nothing_and_is_kept(self, sent: Any, rule: Rule) -> None:
        decoded = read(sequence=sent)
        assert decoded.event.sequence is None
        assert decoded.ignored == (Ignored("sequence", rule),)
        assert json.loads(decoded.text)["sequence"] == sent


class TestTypes:
    def test_every_alias_reads_as_its_canonical_type(self) -> None:
        heads = {"execution": ("task", "workflow", "flow", "run"), "step": ("phase", "action", "node")}
        endings = {
            "cancelled": ("canceled", "aborted", "terminated"),
            "completed": ("succeeded", "success", "finished"),
            "failed": ("errored", "error"),
            "timed_out": ("timeout",),
            "created": ("queued", "scheduled"),
            "progressed": ("heartbeat",),
        }
        expected = {}
        for model in TABLE_EVENTS:
            head, tail = model.canonical.split(".")
            for prefix in (head, *heads.get(head, ())):
                for ending in (tail, *(endings.get(tail, ()) if head in heads else ())):
                    expected[f"{prefix}.{ending}"] = model
        assert expected == MODELS

    @pytest.mark.parametrize("prefix", ["com.acme.", "io.my-company.orders.v2.", "a.b."])
    def test_a_type_may_have_a_reverse_dns_prefix(self, prefix: str) -> None:
        for kind, model in MODELS.items():
            decoded = read({"step": {"id": "a"}}, type=prefix + kind)
            assert type(decoded.event).__name__ == model.__name__
            assert decoded.event.type == prefix + kind

    @pytest.mark.parametrize(
        "kind",
        [
            "acme.workflow.started",
            ".acme.workflow.started",
            "com..workflow.started",
            "com.acme.Workflow.started",
            "com.acme.workflowstarted",
            "com.acme.workflow.started.1",
            "a b.c.workflow.started",
        ],
    )
    def test_what_only_looks_like_a_prefix_makes_another_type(self, kind: str) -> None:
        assert isinstance(read(type=kind).event, OtherEvent)

    def test_the_type_is_kept_as_sent(self) -> None:
        assert read(type="flow.aborted").event.type == "flow.aborted"

    @pytest.mark.parametrize(
        "kind", ["Execution.started", "execution.canceled_", "agent.thinking", "step.queued", "x" * 255]
    )
    def test_any_other_type_is_kept(self, kind: str) -> None:
        assert isinstance(read([1, None], type=kind).event, OtherEvent)

    def test_a_field_counts_only_on_the_types_that_list_it(self) -> None:
        decoded = read({"labels": 5, "output": 1, "message": "half"}, type="execution.progressed")
        assert decoded.ignored == ()
        assert msgspec.to_builtins(decoded.event)["data"] == {"message": "half"}
        assert json.loads(decoded.text)["data"]["labels"] == 5


class TestVersions:
    def test_a_minor_version_of_ours_is_read(self) -> None:
        assert read(dataschema=f"{DATASCHEMA}.7")

    @pytest.mark.parametrize("schema_name", ["https://example.org/x", "urn:other:events:2", ""])
    def test_a_foreign_dataschema_is_kept(self, schema_name: str) -> None:
        assert read(dataschema=schema_name).event.dataschema == schema_name

    @pytest.mark.parametrize("kind", ["execution.started", "agent.thinking"])
    @pytest.mark.parametrize("version", ["2", "10", "0", ""])
    def test_another_major_version_of_ours_is_refused(self, kind: str, version: str) -> None:
        result = refused(type=kind, dataschema=f"urn:execledger:events:{version}")
        assert result.reason is Reason.UNSUPPORTED_VERSION

    def test_another_cloudevents_version_is_refused_before_anything_else(self) -> None:
        assert refused_bytes(b'{"specversion": "2.0", "time": 5}').reason is Reason.UNSUPPORTED_VERSION

    def test_an_object_without_a_specversion_is_no_cloudevent(self) -> None:
        assert refused_bytes(b'{"status": "done"}').reason is Reason.NOT_CLOUDEVENT


class TestTime:
    @pytest.mark.parametrize(
        "sent", ["2026-01-01T12:00:00Z", "2026-01-01t12:00:00.000000000z", "2026-01-01 13:30:00+01:30"]
    )
    def test_any_rfc_3339_form_is_read(self, sent: str) -> None:
        assert read(time=sent).event.time == datetime(2026, 1, 1, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        "sent", ["2016-12-31T23:59:60Z", "2016-12-31t23:59:60.999z", "2016-12-31T15:59:60.5-08:00"]
    )
    def test_a_leap_second_lies_between_its_neighbours(self, sent: str) -> None:
        decoded = read(time=sent)
        assert decoded.event.time == datetime(2016, 12, 31, 23, 59, 59, 999_999, UTC)
        assert reread(decoded.text) == decoded.event

    @pytest.mark.parametrize(
        "sent",
        [
            *("2016-12-31T12:00:60Z", "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:61Z", "2016-12-31T23:60:00Z"),
            *("2016-12-31T23:59:00+00:60", "2016-02-30T23:59:60Z", "9999-12-31T23:59:60-23:59", "0000-12-31T23:59:60Z"),
        ],
    )
    def test_what_only_looks_like_a_leap_second_is_refused(self, sent: str) -> None:
        assert refused(time=sent).detail.startswith("time: must be an RFC 3339 date and time with an offset")

    @pytest.mark.parametrize(
        "sent", ["2026-01-01T12:00:00", "2026-01-01", "now", "", "2026-13-01T00:00:00Z", "2026-01-01T12:00Z", 0, None]
    )
    def test_anything_else_is_refused(self, sent: Any) -> None:
        assert refused(time=sent).detail.startswith(
            "time: is missing" if sent is None else "time: must be an RFC 3339 date and time with an offset"
        )

    @pytest.mark.parametrize(
        "sent", ["1999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"]
    )
    def test_before_2000_is_refused(self, sent: str) -> None:
        assert refused(time=sent).detail.startswith("time: must lie in 2000 to 9999")

    def test_2000_is_the_first_year(self) -> None:
        assert read(time="2000-01-01T00:00:00Z")
        assert refused(time="2000-01-01T00:00:00+00:01")

    def test_24_hours_after_the_record_is_the_last_moment(self) -> None:
        last = datetime.fromtimestamp(NOON / 1000, UTC) + timedelta(hours=24)
        late = last + timedelta(microseconds=1)
        assert isinstance(decode(json.dumps(event(time=last.isoformat())).encode(), timestamp_ms=NOON), Decoded)
        result = refused_bytes(json.dumps(event(time=late.isoformat())).encode(), timestamp_ms=NOON)
        assert result.detail.startswith("time: must be at most 24 h after the record's timestamp")

    @pytest.mark.parametrize("timestamp", [-1, NOON * 1_000_000])
    def test_a_time_that_leads_out_of_the_calendar_is_refused_whatever_the_record_says(self, timestamp: int) -> None:
        value = json.dumps(event(time="9999-12-31T23:59:59-12:00")).encode()
        assert refused_bytes(value, timestamp_ms=timestamp).reason is Reason.INVALID


class TestFields:
    @pytest.mark.parametrize(
        ("sent", "amount"),
        [
            ("0.1234567895", "0.123456790"),
            ("0.1234567885", "0.123456788"),
            ("0.0000000005", "0"),
            ("1E-7", "0.0000001"),
            (0.1, "0.1"),
            (5, "5"),
            ("1000000000", "1000000000"),
        ],
    )
    def test_money_is_rounded_half_even_to_nine_decimals(self, sent: Any, amount: str) -> None:
        assert data_of({"budget": {"cost_limit_usd": sent}}).budget.cost_limit_usd == Decimal(amount)

    @pytest.mark.parametrize("sent", ["-0", -0.0, "-0.000"])
    def test_minus_zero_is_zero(self, sent: Any) -> None:
        event = read({"budget": {"cost_limit_usd": sent}}).event
        assert isinstance(event, ExecutionStarted)
        assert event.data.budget is not None
        assert event.data.budget.cost_limit_usd is not None
        assert not event.data.budget.cost_limit_usd.is_signed()
        assert normalised(event)["data"]["budget"]["cost_limit_usd"] == "0"

    @pytest.mark.parametrize("word", ["manual", "Scheduled", "TRIGGERED"])
    def test_a_trigger_mode_is_read_in_any_case(self, word: str) -> None:
        assert data_of({"trigger": {"mode": word}}).trigger.mode == word.lower()

    def test_labels_are_text_as_json_writes_it_and_a_null_one_is_ignored(self) -> None:
        labels = {"a": "x", "b": 7, "c": 0.5, "d": True, "e": None, "f": ""}
        assert data_of({"labels": labels}).labels == {"a": "x", "b": "7", "c": "0.5", "d": "true", "f": ""}

    def test_empty_is_a_value_and_null_is_none(self) -> None:
        data = data_of({"tags": [], "labels": {}, "metadata": {}, "query": "", "input": {}, "session_id": None})
        assert (data.tags, data.labels, data.metadata, data.query, data.input) == ([], {}, {}, "", {})
        assert data.session_id is None

    def test_a_null_metadata_value_stays(self) -> None:
        assert data_of({"metadata": {"a": None}}).metadata == {"a": None}

    @pytest.mark.parametrize("step", [{}, {"iteration": 1}, {"id": None, "name": None}, {"name": ""}])
    def test_a_step_is_named_by_id_or_name(self, step: dict[str, Any]) -> None:
        assert refused({"step": step}, type="step.started").detail.startswith("data.step: must have an id or a name")
        assert data_of({"step": {**step, "name": "Draft"}}, type="step.started").step.name == "Draft"

    def test_a_step_that_has_an_id_may_have_an_empty_name(self) -> None:
        assert data_of({"step": {"id": "draft", "name": ""}}, type="step.started").step.name == ""

    def test_iterations_and_tries_are_counts(self) -> None:
        step = {"id": "a", "iteration": 2**63 - 1, "total_items": 2**63 - 1, "try_number": 2**63 - 1}
        assert msgspec.to_builtins(data_of({"step": step}, type="step.started").step) == step
        assert data_of({"step": {"id": "a", "iteration": 0}}, type="step.started").step.iteration == 0

    @pytest.mark.parametrize(
        "value",
        [
            json.dumps(event(subject="x" * 5000)).encode(),
            json.dumps(event(subject={"q": "x" * 100_000})).encode(),
            json.dumps(event(subject=["\0\ud800" * 300])).encode(),
            json.dumps(event(time="\0\ud800" * 300)).encode(),
        ],
    )
    def test_a_detail_is_short_and_storable_whatever_was_sent(self, value: bytes) -> None:
        detail = refused_bytes(value).detail
        assert len(detail) <= 200
        assert "\0" not in detail
        assert detail.encode()


class TestNumbersAndNesting:
    @pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
    def test_what_python_writes_and_json_has_not_is_null(self, token: str) -> None:
        decoded = decode(raw(f'{{"input": [1, {token}], "unknown": {{"a": {token}}}, "total_steps": {token}}}'))
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.text)["data"] == {"input": [1, None], "unknown": {"a": None}, "total_steps": None}
        assert decoded.ignored == tuple(
            Ignored(field, Rule.NOT_FINITE) for field in ("input.1", "unknown.a", "total_steps")
        )

    def test_nothing_is_said_of_one_that_an_equal_key_overwrites(self) -> None:
        decoded = decode(raw('{"input": NaN, "input": 1}'))
        assert isinstance(decoded, Decoded)
        assert decoded.ignored == ()
        assert "NaN" not in decoded.text

    @pytest.mark.parametrize(
        "number", ["1e400", "-1e400", "1E+0400", "9" * 310, "9" * 250 + "e99", "9" * 250 + ".5e99", "-" + "9" * 5000]
    )
    def test_a_number_beyond_a_float64_is_left_out_alone(self, number: str) -> None:
        decoded = decode(raw(f'{{"input": [1, {number}, 2], "unknown": {{"a": {number}, "b": 1}}}}'))
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.text)["data"] == {"input": [1, 2], "unknown": {"b": 1}}
        assert decoded.ignored == (Ignored("input.1", Rule.OUT_OF_RANGE), Ignored("unknown.a", Rule.OUT_OF_RANGE))

    @pytest.mark.parametrize(
        "number", ["1e-400", "-0.1E-20000", "0." + "0" * 250 + "1e-99", "0e-20000", "-0.0e-20000", "0." + "1" * 999]
    )
    def test_a_number_too_near_to_0_or_too_long_is_rounded(self, number: str) -> None:
        decoded = decode(raw(f'{{"input": {number}}}'))
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.text)["data"]["input"] == float(number)
        assert len(decoded.text) < 300
        assert decoded.ignored == (Ignored("input", Rule.ROUNDED),)

    def test_so_it_is_outside_the_data(self) -> None:
        decoded = decode(json.dumps(event())[:-1].encode() + b', "note": 1e400}')
        assert isinstance(decoded, Decoded)
        assert decoded.ignored == (Ignored("note", Rule.OUT_OF_RANGE),)

    @pytest.mark.parametrize("token", ["NaN", "-Infinity", "1e400", "9" * 310, "1e-400"])
    @pytest.mark.parametrize("name", ["id", "subject", "time", "attempt", "tenantid", "type"])
    def test_in_what_says_which_event_it_is_it_costs_the_event(self, name: str, token: str) -> None:
        said = json.dumps({key: value for key, value in event().items() if key != name})
        result = decode(f'{said[:-1]}, "{name}": {token}}}'.encode())
        assert isinstance(result, Undecodable)
        assert result.detail.startswith(f"{name}: must ")

    @pytest.mark.parametrize(
        "number",
        [
            *("1.7976931348623157e308", "-1e308", str(2**1024 - 2**971)),
            *("5e-324", "-1e-100", "0e-400", "-0.0e-10", "0." + "0" * 998, "0." + "1" * 998),
        ],
    )
    def test_the_largest_and_the_smallest_numbers_are_kept(self, number: str) -> None:
        assert isinstance(decode(raw(f'{{"input": {number}}}')), Decoded)

    def test_the_first_integer_beyond_the_largest_float_is_left_out(self) -> None:
        decoded = decode(raw(f'{{"input": [{2**1024 - 2**970}]}}'))
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.text)["data"] == {"input": []}

    def test_data_nests_at_most_100_deep_and_a_marker_stands_for_what_is_deeper(self) -> None:
        whole = decode(raw('{"input": ' + "[" * 99 + "]" * 99 + "}"))
        assert isinstance(whole, Decoded)
        assert whole.ignored == ()
        deep = "[" * 20 + '{"a]": "[{", "b": NaN}' + "]" * 20
        decoded = decode(raw('{"input": [NaN, ' + "[" * 98 + deep + ", NaN" + "]" * 98 + ', 7], "query": "q"}'))
        assert isinstance(decoded, Decoded)
        marker = f"… [too deep, cut by execledger: {len(deep)} bytes, sha256 {sha256(deep.encode()).hexdigest()}]"
        value: Any = json.loads(decoded.text)["data"]["input"]
        assert (value[0], value[2]) == (None, 7)
        value = value[1]
        for _ in range(97):
            [value] = value
        assert value == [marker, None]
        assert [note.rule for note in decoded.ignored] == [Rule.NOT_FINITE, Rule.TOO_DEEP, Rule.NOT_FINITE]
        assert reread(decoded.text) == decoded.event

    def test_data_as_base64_nests_as_deep_as_any(self) -> None:
        for depth, notes in ((100, 0), (101, 1)):
            decoded = read(data_base64=base64.b64encode(b"[" * depth + b"]" * depth).decode(), type="agent.thinking")
            assert len(decoded.ignored) == notes

    @pytest.mark.parametrize("value", ["[" * 1_000_000, '{"a":' * 100_000, '{"a": "' + "[" * 1_000_000])
    def test_absurd_nesting_ends_quickly(self, value: str) -> None:
        assert refused_bytes(value.encode()).reason in (Reason.INVALID, Reason.NOT_JSON)
        in_data = in_binary_mode(value.encode())
        assert isinstance(in_data, Decoded)
        assert in_data.ignored == (Ignored("data", Rule.UNREADABLE), Ignored("data", Rule.CUT))

    def test_what_nests_a_million_deep_is_cut_as_quickly(self) -> None:
        decoded = in_binary_mode(b"[" * 1_000_000 + b"]" * 1_000_000, type="agent.thinking")
        assert isinstance(decoded, Decoded)
        assert [note.rule for note in decoded.ignored] == [Rule.TOO_DEEP]

    @pytest.mark.parametrize(("around", "is_too_deep"), [(97, False), (98, True)])
    def test_of_many_brackets_those_that_nest_count(self, around: int, is_too_deep: bool) -> None:
        many = '[], "\\\\", "\\"[[{", {"[": "{"}, ' * 300
        value = raw('{"input": [' + many + "[" * around + many + "1" + "]" * around + ', "]"]}')
        assert may_need_care(value) == is_too_deep
        decoded = decode(value)
        assert isinstance(decoded, Decoded)
        assert {note.rule for note in decoded.ignored if note != MORE} == ({Rule.TOO_DEEP} if is_too_deep else set())

    def test_digits_that_may_be_too_many_are_found_wherever_they_begin(self) -> None:
        for before in range(60):
            assert may_need_care(b"x" * before + b"9" * 309)
            assert not may_need_care(b"x" * before + b"9" * 308 + b"x" * before)

    def test_brackets_in_text_do_not_nest(self) -> None:
        assert data_of({"query": '[{"\\' * 500}).query == '[{"\\' * 500


class TestCleaning:
    def test_nul_and_lone_surrogates_in_text_become_the_replacement_character(self) -> None:
        decoded = decode(raw(r'{"query": "a\u0000b\ud800c\ud83d\ude00", "metadata": {"k\udfff": ["\u0000"]}}'))
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.text)["data"] == {"query": "a\ufffdb\ufffdc😀", "metadata": {"k\ufffd": ["\ufffd"]}}
        assert reread(decoded.text) == decoded.event

    def test_a_nul_that_another_value_overwrites_is_not_kept(self) -> None:
        decoded = decode(raw(r'{"query": "\u0000", "query": "q", "input": "\ud800", "input": 1}'))
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.text)["data"] == {"query": "q", "input": 1}
        assert "\\u0000" not in decoded.text
        assert "\\ud800" not in decoded.text

    def test_what_needs_no_cleaning_is_kept_byte_for_byte(self) -> None:
        value = raw(r'{ "unknown": 1.10, "query": "\u00e9 NaN Infinity \\u0041", "input": 12345678901234567890.5 }')
        decoded = decode(value)
        assert isinstance(decoded, Decoded)
        assert decoded.text == value.decode()

    def test_so_is_a_large_event(self) -> None:
        rows = ", ".join(r'{"text": "\u00e9 \ud83d\ude00 \"[", "score": 1.10}' for _ in range(1000))
        value = raw(f'{{"input": [{rows}]}}')
        decoded = decode(value)
        assert isinstance(decoded, Decoded)
        assert decoded.text == value.decode()

    def test_oversized_text_is_cut_with_a_marker_that_keeps_size_and_digest(self) -> None:
        text = "ü" * 40_000
        query = data_of({"query": text}).query
        assert len(query.encode()) <= Limits().text_bytes
        digest = sha256(text.encode()).hexdigest()
        assert query.endswith(f"… [cut by execledger: 80000 bytes, sha256 {digest}]")
        assert query.startswith("ü" * 30_000)

    def test_an_oversized_value_is_cut_with_a_marker_that_keeps_size_and_digest(self) -> None:
        value = {"rows": ["x" * 100] * 3000}
        encoded = json.dumps(value, separators=(",", ":")).encode()
        cut = data_of({"input": value}).input["execledger_cut"]
        assert cut["bytes"] == len(encoded)
        assert cut["sha256"] == sha256(encoded).hexdigest()
        assert encoded.decode().startswith(cut["start"])

    def test_up_to_the_limit_nothing_is_cut(self) -> None:
        assert data_of({"query": "x" * 65_536}).query == "x" * 65_536

    def test_limits_are_settings(self) -> None:
        value = raw('{"query": "' + "x" * 20_000 + '"}')
        unlimited, limited = decode(value), decode(value, limits=SMALL)
        assert isinstance(unlimited, Decoded)
        assert isinstance(limited, Decoded)
        assert unlimited.text == value.decode()
        assert "cut by execledger: 20000 bytes" in limited.text
        with pytest.raises(ValueError, match="limits below 16384 bytes"):
            Limits(text_bytes=100)

    def test_an_oversized_part_does_not_take_its_neighbours_with_it(self) -> None:
        long = "x" * 70_000
        big = ["y" * 1000] * 300
        step = data_of(
            {"step": {"id": "a", "extra": big}, "error": {"message": "m", "stack": long}}, type="step.failed"
        )
        assert step.step.id == "a"
        assert step.error.message == "m"
        assert "[cut by execledger: 70000 bytes" in step.error.stack
        started = data_of({"workflow": {"id": "w", "graph": big}, "metadata": {"a": 1, "b": big}, "tags": ["t"] * 1000})
        assert started.workflow.id == "w"
        assert started.metadata["a"] == 1
        assert "execledger_cut" in started.metadata["b"]
        assert len(started.tags) == 1000

    def test_metadata_of_very_many_parts_is_cut_as_a_whole(self) -> None:
        metadata = data_of({"metadata": {f"key{number}": "x" * 50 for number in range(10_000)}}).metadata
        assert metadata.keys() == {"execledger_cut"}

    def test_every_field_that_must_stay_an_object_is_known(self) -> None:
        fields = {
            name
            for kind in TABLE_EVENTS
            for name, field in data_model(kind).model_fields.items()
            if any(
                isinstance(part, type) and issubclass(part, BaseModel)
                for part in (field.annotation, *get_args(field.annotation))
            )
        }
        assert fields | {"labels", "metadata"} == _OBJECTS

    def test_a_record_beyond_the_limit_is_too_large(self) -> None:
        assert refused_bytes(b" " * 20_000, limits=Limits(record_bytes=16_384)).reason is Reason.TOO_LARGE


def data_model(kind: type[BaseModel]) -> type[BaseModel]:
    model = kind.model_fields["data"].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


class TestBytes:
    def test_a_record_without_value_and_headers_is_a_tombstone(self) -> None:
        assert refused_bytes(None, headers=[("trace", b"x")]).reason is Reason.TOMBSTONE

    @pytest.mark.parametrize(
        "value",
        [b"", b"{", b"nul", b'{"a": 1} x', b'{"a": 01}', b"{'a': 1}", b'{"a": "\n"}', b"\xef\xbb\xbf\xef\xbb\xbf{}"],
    )
    def test_what_is_no_json_says_where(self, value: bytes) -> None:
        result = refused_bytes(value)
        assert result.reason is Reason.NOT_JSON
        assert result.detail.startswith("character ")

    @pytest.mark.parametrize(
        "value", [b"\xff", '{"a": "ü"}'.encode("latin-1"), b'{"a": "\xed\xa0\x80"}', "{}".encode("utf-16")]
    )
    def test_what_is_no_utf8_says_where(self, value: bytes) -> None:
        result = refused_bytes(value)
        assert result.reason is Reason.NOT_UTF8
        assert result.detail.startswith("byte ")

    @pytest.mark.parametrize("value", [b"[]", b"5", b'"text"', b"null", b"[{}]"])
    def test_what_is_no_object_is_no_cloudevent(self, value: bytes) -> None:
        assert refused_bytes(value).reason is Reason.NOT_CLOUDEVENT

    def test_of_two_equal_keys_the_last_counts_on_either_path(self) -> None:
        value = json.dumps(event())[:-1] + ', "subject": "last", "data": {"query": "%s"}}'
        for query in ("fast", "slow NaN"):
            decoded = decode((value % query).encode())
            assert isinstance(decoded, Decoded)
            assert decoded.event.subject == "last"
