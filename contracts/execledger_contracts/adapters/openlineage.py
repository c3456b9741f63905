"""OpenLineage run events, as Airflow, Spark, dbt and Flink emit them.

Made from the schema https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets ParentRunFacet 1-1-0,
ErrorMessageRunFacet 1-0-1, JobTypeJobFacet 2-0-3 and OwnershipJobFacet 1-0-1. A run is an execution, and a step of its
parent: the job is the step, so that a run which is tried again is a try of it.
"""

from collections.abc import Iterator
from typing import Final

from execledger_contracts.adapters.foreign import (
    Document,
    as_source,
    at,
    digest,
    event,
    needed,
    own_type,
    part,
    parts,
    said,
    some,
    text,
    whole,
)

_STATES: Final = {
    "START": "started",
    "RUNNING": "progressed",
    "COMPLETE": "completed",
    "FAIL": "failed",
    "ABORT": "cancelled",
}
_OF_STEPS: Final = {"started", "completed", "failed", "cancelled"}
_MANY: Final = {"RUNNING", "OTHER"}
"""States of which a run may tell several times in one moment."""


def translate(document: Document, key: str | None) -> Iterator[Document]:
    """A run event as one of its execution, and of its parent's step where it names one.

    Raises Untranslatable. An event of a job or a dataset alone is about no run, and gives none.
    """
    if not document.keys() & {"run", "eventType"} and document.keys() & {"job", "dataset"}:
        return
    run_id = needed(text(document, "run", "runId"), "run.runId")
    time = needed(text(document, "eventTime"), "eventTime")
    source = as_source(needed(text(document, "producer"), "producer"))
    state = text(document, "eventType") or "OTHER"
    id_ = f"{run_id}/{state}/{digest(document) if state in _MANY or state not in _STATES else time}"
    ending = _STATES.get(state)
    if ending is None:
        yield event(own_type("openlineage", state), id_, source, run_id, time, document)
        return
    yield event(f"execution.{ending}", id_, source, run_id, time, _data(document, ending))
    parent_id = text(document, "run", "facets", "parent", "run", "runId")
    if parent_id is not None and ending in _OF_STEPS:
        yield event(f"step.{ending}", id_, source, parent_id, time, _step(document, ending))


def _data(document: Document, ending: str) -> Document:
    if ending == "started":
        return {**_beginning(document), "original": document}
    if ending == "progressed":
        return {"original": document}
    output = _datasets(document, "outputs")
    return said(output=output, error=_error(document), original=document)


def _beginning(document: Document) -> Document:
    job, facets = part(document, "job"), part(document, "run", "facets")
    job_type = part(job, "facets", "jobType")
    return said(
        workflow=said(
            id=_job_id(job), name=text(job, "name"), version=text(job, "facets", "sourceCodeLocation", "version")
        ),
        owner=_owner(job),
        parent_execution_id=text(facets, "parent", "run", "runId"),
        root_execution_id=text(facets, "parent", "root", "run", "runId") or text(facets, "parent", "run", "runId"),
        trigger=some(mode="scheduled") if "nominalTime" in facets else None,
        input=_datasets(document, "inputs"),
        labels=some(
            namespace=text(job, "namespace"),
            integration=text(job_type, "integration"),
            job_type=text(job_type, "jobType"),
            processing_type=text(job_type, "processingType"),
        ),
        metadata=some(nominal_start_time=text(facets, "nominalTime", "nominalStartTime")),
    )


def _owner(job: Document) -> Document | None:
    """The first that the job's ownership names."""
    owners = parts(job, "facets", "ownership", "owners")
    return some(id=text(owners[0], "name")) if owners else None


def _job_id(job: Document) -> str | None:
    return ":".join(filter(None, (text(job, "namespace"), text(job, "name")))) or None


def _datasets(document: Document, name: str) -> list[Document] | None:
    return [said(namespace=text(each, "namespace"), name=text(each, "name")) for each in parts(document, name)] or None


def _error(document: Document) -> Document | None:
    facet = part(document, "run", "facets", "errorMessage")
    return some(message=text(facet, "message"), stack=text(facet, "stackTrace"))


def _step(document: Document, ending: str) -> Document:
    facets, name = part(document, "run", "facets"), text(document, "job", "name")
    airflow = part(facets, "airflow", "taskInstance")
    step = said(
        id=_job_id(part(document, "job")) or text(document, "run", "runId"),
        name=name,
        operation=text(document, "job", "facets", "jobType", "jobType"),
        iteration=_loop_index(airflow),
        try_number=whole(airflow, "try_number"),
    )
    return said(
        step=step,
        error=_error(document) if ending == "failed" else None,
        metadata={"run_id": at(document, "run", "runId")},
    )


def _loop_index(airflow: Document) -> int | None:
    """Of a task that Airflow maps over items, which one; -1 stands for none."""
    index = whole(airflow, "map_index")
    return None if index is None or index < 0 else index
