"""Writes docs/reference/outcomes.md from the table that decides.

    python tests/support/outcome_table.py > docs/reference/outcomes.md

tests/core/test_outcome.py compares it with the page, and tests/core/test_life_machine.py takes the
outcomes that it expects from the same table.
"""

from __future__ import annotations

import sys

from streaminstr._core.outcome import TABLE, Cut, Ending

CAUSES = {
    "none": "",
    "server": "`server`",
    "known": "the first that is known, see below",
}
_HEAD = """\
# Outcomes

Every stream that was started ends with one outcome. This table decides which.

"""
_TAIL = """
A row without a second condition applies to all combinations that the table does not list.

`streaminstr.cancelled_by` is the first of these that is known:

1. the one that requested the end: `shutdown()` and a server that stops are `server`;
2. if the stream was created in a step of another stream that was cut before it: its cause;
3. what the outermost net saw during the request: a client that left is `client`;
4. `server`, if the process is stopping.

## Why it was cancelled

| `streaminstr.cancelled_by` | `streaminstr.close_reason` | what has happened |
|---|---|---|
| `client` | | the client closed the connection, or a proxy in between did |
| `server` | `DRAIN` | the process had to stop, and the grace of \
[`DRAIN`](../how-to/drain.md) was over |
| `server` | `MAX_AGE`, `MAX_STALL` | the stream was [too old, or silent for too \
long](../how-to/long-streams.md#end-a-stream-from-outside) |
| `server` | any other text | an operator has closed it, on [the \
page](../how-to/open-streams-page.md) or by `close_stream`, with this reason |
| `server` | | the server has stopped without a drain or cancelled its task, an operator wrote no \
reason, or the body raised SystemExit |
| | | not known: a body was closed under WSGI, where [a server says no \
more](servers.md#how-to-read-it), or under ASGI without the [outermost \
net](../how-to/outermost-net.md) |

## Steps that do not end a stream

A step that raises TimeoutError or a cancellation does not end a body that can continue, such as an
iterator object that waits for a queue with a timeout. The stream stays open. If it is stepped
again, the timeout or cancellation no longer matters. A generator that raises has finished, and so
has its stream.

## Status of the span

| outcome | status of the span |
|---|---|
| `completed` | unset |
| `failed` | error, with `error.type` and the exception |
| `cancelled` | unset, or error with the option `cancelled_is_error` |
| `abandoned` | unset; Python warns with a ResourceWarning |

A stream that is never stepped has no outcome: it has no span and nothing that could stay open.
"""


def as_markdown() -> str:
    """The page."""
    lines = [
        "| what ends the stream | and | outcome | `streaminstr.cancelled_by` |",
        "|---|---|---|---|",
    ]
    for (ending, cut), row in TABLE.items():
        beside = "" if cut is Cut.NOTHING else cut.value
        ends = "anything" if _is_of_every_ending(cut) else ending.value
        line = f"| {ends} | {beside} | `{row.outcome}` | {CAUSES[row.cause]} |"
        if line not in lines:
            lines.append(line)
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


def _is_of_every_ending(cut: Cut) -> bool:
    """Whether `cut` alone decides, whatever ends the stream."""
    return len({TABLE.get((ending, cut)) for ending in Ending}) == 1


if __name__ == "__main__":  # pragma: no cover - one line, for the writer of the page
    sys.stdout.write(as_markdown())
