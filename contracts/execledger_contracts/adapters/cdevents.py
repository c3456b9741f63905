"""CDEvents, as Tekton, Jenkins, Spinnaker and others emit them of pipelines, tasks, builds and tests.

Made from the specification 0.4.1 and the conformance samples of its draft 0.5.0 (github.com/cdevents/spec), in the form
of its CloudEvents binding 0.4.1: a CDEvent alone, as a binary CloudEvent holds it, or in the `data` of a structured
one.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from execledger_contracts.adapters.foreign import (
    Document,
    Untranslatable,
    as_source,
    event,
    needed,
    own_type,
    part,
    parts,
    said,
    some,
    text,
)


class _Kind(NamedTuple):
    """Where the content names what ran, and the run that it is a step of."""

    name: tuple[str, ...]
    parent: str | None = None


_RUNS: Final = {
    "pipelinerun": _Kind(("pipelineName",)),
    "taskrun": _Kind(("taskName",), "pipelineRun"),
    "build": _Kind(("artifactId",)),
    "testsuiterun": _Kind(("testSuite", "name")),
    "testcaserun": _Kind(("testCase", "name"), "testSuiteRun"),
}
_OUTCOMES: Final = {
    "success": "completed",
    "failure": "failed",
    "error": "failed",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
}


def translate(document: Document, key: str | None) -> Iterator[Document]:
    """An event of a run as one of its execution, or of a step where the run is part of another. Raises Untranslatable.

    What is told of artifacts, services, changes and the like is kept under its own type, with the subject's id.
    """
    sent = part(document, "data") if "context" not in document else document
    context, subject = part(sent, "context"), part(sent, "subject")
    kind, what = _kind_of(needed(text(context, "type"), "context.type"))
    id_, time = needed(text(context, "id"), "context.id"), needed(text(context, "timestamp"), "context.timestamp")
    source = as_source(needed(text(context, "source"), "context.source"))
    run_id = needed(text(subject, "id"), "subject.id")
    if kind not in _RUNS or (ending := _ending(what, subject)) is None:
        yield event(own_type("cdevents", f"{kind}_{what}"), id_, source, run_id, time, sent)
        return
    run = _RUNS[kind]
    parent_id = run.parent and text(subject, "content", run.parent, "id")
    if not parent_id:
        yield event(f"execution.{ending}", id_, source, run_id, time, _execution(run, sent, ending))
    elif ending != "created":
        yield event(f"step.{ending}", id_, source, parent_id, time, _step(kind, run, sent))
    else:
        yield event(own_type("cdevents", f"{kind}_{what}"), id_, source, parent_id, time, sent)


def _kind_of(type_: str) -> tuple[str, str]:
    """As `pipelinerun`, `finished` of `dev.cdevents.pipelinerun.finished.0.2.0`."""
    words = type_.split(".")
    if words[:2] != ["dev", "cdevents"] or len(words) < 4:
        raise Untranslatable("context.type: is no type of CDEvents")
    return words[2].lower(), words[3].lower()


def _ending(what: str, subject: Document) -> str | None:
    if what == "finished":
        return _OUTCOMES.get((text(subject, "content", "outcome") or "success").lower(), "failed")
    return {"queued": "created", "started": "started", "skipped": "skipped"}.get(what)


def _execution(run: _Kind, sent: Document, ending: str) -> Document:
    content = part(sent, "subject", "content")
    if ending in ("created", "started"):
        name = text(content, *run.name)
        return said(
            workflow=some(id=name, name=name),
            trigger=some(event_id=_trigger(sent)),
            labels=some(chain_id=text(sent, "context", "chainId")),
            metadata=some(url=text(content, "url") or text(content, "uri")),
            original=sent,
        )
    return said(error=some(message=text(content, "errors")) if ending == "failed" else None, original=sent)


def _step(kind: str, run: _Kind, sent: Document) -> Document:
    content = part(sent, "subject", "content")
    step = said(id=text(sent, "subject", "id"), name=text(content, *run.name), operation=kind)
    reason = text(content, "errors") or text(content, "reason")
    metadata = some(url=text(content, "url") or text(content, "uri"))
    return said(step=step, error=some(message=reason), metadata=metadata, original=sent)


def _trigger(sent: Document) -> str | None:
    """The event that a link says to have set this off."""
    found = [
        text(link, "target", "contextId")
        for link in parts(sent, "context", "links")
        if link.get("linkKind") == "TRIGGER"
    ]
    return found[0] if found else None
