"""Bodies that hold a task group, a time limit or a lock of anyio's or asyncio's across yields."""

import pytest

from real_check import check, visit
from real_django import Django
from real_groups import BODIES

GROUPS = pytest.mark.parametrize("body", BODIES)


@GROUPS
@pytest.mark.parametrize("ending", ["full", "fails", "waits"])
def test_a_stream(body, ending, net):
    check(Django(body, net=net), ending)


@GROUPS
def test_the_net_cleans_up_in_the_task_of_the_request(body):
    """Without us the garbage collector does, in a task that cannot leave a group or a lock."""
    ours = visit(Django(body), "sends", ours=True)
    assert ours.seen.notes == ["in the same task: True"]
    assert ours.seen.error is None
    assert ours.seen.tasks == []
    assert not ours.trouble
    assert ours.recorder.streams == ["cancelled by client"]


@GROUPS
def test_the_error_of_a_refused_send_is_not_replaced(body):
    plain = visit(Django(body), "refused", ours=False)
    ours = visit(Django(body), "refused", ours=True)
    assert ours.seen.error == plain.seen.error
    assert ours.seen.notes == ["in the same task: True"]
