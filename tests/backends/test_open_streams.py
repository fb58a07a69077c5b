"""The ids in a row of `open_streams()` are those of the vendor's span on its log lines."""

from streaminstr import open_streams


def test_the_ids_are_those_of_the_span(vendor, stream):
    made = stream()
    next(made)
    (one,) = open_streams()
    made.close()
    ids = {name.removeprefix("dd."): one for name, one in vendor.log_ids(vendor.node()).items()}
    assert (one.trace_id, one.span_id) == (ids["trace_id"], ids["span_id"])
