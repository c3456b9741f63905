"""`execledger publish`."""

from typing import Annotated

from cyclopts import Parameter


def publish(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    topic: str | None = None,
    key: str | None = None,
    unchecked: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Publish CloudEvents, JSON lines, to the events topic; exit status 1 when a line was refused.

    An object may be written over several lines, and be a sample of the contract with the record in it.

    Parameters
    ----------
    file
        The file to read; - for standard input.
    topic
        Another topic than that of EXECLEDGER_EVENTS_TOPIC. Where EXECLEDGER_TOPIC_ADAPTERS gives it an adapter, lines
        are what the other system writes.
    key
        The key of all records, for an adapter that takes the run from it.
    unchecked
        Send lines that are no valid events too; the recorder will dead-letter them.
    """
    import asyncio
    import sys

    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from execledger.errors import UserError
    from execledger.publish import Counts, open_lines, publish_lines
    from execledger.recorder_settings import kafka_options
    from execledger.stack.say import standard_error
    from execledger.stack.settings import StackSettings, load, required_brokers
    from execledger_runtime.kafka.adapters import read_adapters

    brokers, settings, options = required_brokers(), load(StackSettings), kafka_options()
    topic = topic or settings.events_topic
    adapter = read_adapters(settings.topic_adapters or "").get(topic)
    if key is not None and adapter is None:
        raise UserError("--key is for topics with an adapter: an event has its own", exit_status=2)
    columns = (TextColumn("{task.completed} events sent to {task.description}"), TimeElapsedColumn())
    console = standard_error()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with open_lines(file) as lines, bar as progress:
        task = progress.add_task(topic, total=None)

        def show(counts: Counts) -> None:
            progress.update(task, completed=counts.sent)

        counts = asyncio.run(
            publish_lines(
                lines,
                bootstrap_servers=brokers,
                topic=topic,
                unchecked=unchecked,
                adapter=adapter,
                key=key,
                on_progress=show,
                kafka_options=options,
            )
        )
    sys.stdout.write(f"{counts.sent} sent, {counts.refused} refused\n")
    return 1 if counts.refused else 0
