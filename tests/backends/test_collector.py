"""The Collector's sampling policy: its fields as they are documented, its meaning on real spans.

No package of PyPI or Debian has a Collector with this processor. Fields, types and meanings are
those of the README and of config.go of the Collector's tailsamplingprocessor, and of OTTL.
"""

import operator
import re
from contextlib import suppress

import pytest
import yaml
from opentelemetry.trace import StatusCode

import documents
import streaminstr
from attribute_table import AT_END, AT_START

FILE = documents.ROOT / "docs" / "monitoring" / "collector-tail-sampling.yaml"
COLLECTOR = yaml.safe_load(FILE.read_text())
CONDITION = re.compile(r'attributes\["([^"]+)"\] (==|!=|<|>|<=|>=) (.+)')
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
NUMBER, TEXTS = (int, float), [str]
OF_STRING_ATTRIBUTE = {
    "key": str,
    "values": TEXTS,
    "enabled_regex_matching": bool,
    "cache_max_size": int,
    "invert_match": bool,
}
OF_TYPE = {
    "latency": {"threshold_ms": int, "upper_threshold_ms": int},
    "ottl_condition": {"error_mode": str, "span": TEXTS, "spanevent": TEXTS},
    "probabilistic": {"hash_salt": str, "sampling_percentage": NUMBER},
    "status_code": {"status_codes": TEXTS},
    "string_attribute": OF_STRING_ATTRIBUTE,
}
"""The fields of those types of policies that may be used here; the Collector has more."""
FORM = {
    "decision_wait": str,
    "num_traces": int,
    "expected_new_traces_per_sec": int,
    "decision_cache": {"sampled_cache_size": int, "non_sampled_cache_size": int},
    "policies": [{"name": str, "type": str, **OF_TYPE}],
}
VALUES = {
    "type": OF_TYPE.keys(),
    "status_codes": {"OK", "ERROR", "UNSET"},
    "error_mode": {"ignore", "silent", "propagate"},
}


def problems(value, form, name="tail_sampling"):
    """Where `value` is not of the documented form."""
    match form:
        case dict() if isinstance(value, dict):
            for key, one in value.items():
                if key in form:
                    yield from problems(one, form[key], key)
                else:
                    yield f"{name}.{key}: no such field"
        case list() if isinstance(value, list):
            for one in value:
                yield from problems(one, form[0], name)
        case type() | tuple() if isinstance(value, form):
            if value not in VALUES.get(name, [value]):
                yield f"{name}: {value!r} is none"
        case _:
            yield f"{name}: {value!r}"


def problems_of(processor):
    names = [policy["name"] for policy in processor["policies"]]
    if len(set(names)) < len(names):
        yield "two policies of one name"
    if not re.fullmatch(r"(\d+(ms|s|m|h))+", processor["decision_wait"]):
        yield "decision_wait: no duration"
    yield from problems(processor, FORM)
    for policy in processor["policies"]:
        if policy["type"] not in policy:
            yield f"{policy['name']}: no {policy['type']}"


def in_pages():
    """The processors that pages show, beside the file."""
    for page in documents.PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            if "tail_sampling:" in block:
                yield yaml.safe_load(block)["processors"]["tail_sampling"]


PROCESSOR = COLLECTOR["processors"]["tail_sampling"]


@pytest.mark.parametrize("processor", [PROCESSOR, *in_pages()])
def test_all_fields_are_those_that_are_documented(processor):
    assert list(problems_of(processor)) == []


def one_policy(kind="status_code", **fields):
    return {"policies": [{"name": "a", "type": kind, **fields}]}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"num_traces": "many"}, ["num_traces: 'many'"]),
        ({"wait": "1s"}, ["tail_sampling.wait: no such field"]),
        ({"decision_wait": "soon"}, ["decision_wait: no duration"]),
        ({"decision_cache": {"size": 1}}, ["decision_cache.size: no such field"]),
        (one_policy("status"), ["type: 'status' is none", "a: no status"]),
        (one_policy(status_code={"codes": []}), ["status_code.codes: no such field"]),
        (one_policy(status_code="ERROR"), ["status_code: 'ERROR'"]),
        (one_policy(status_code={"status_codes": ["BAD"]}), ["status_codes: 'BAD' is none"]),
        ({"policies": PROCESSOR["policies"] * 2}, ["two policies of one name"]),
    ],
)
def test_a_field_that_is_not_documented_is_found(change, found):
    assert list(problems_of({**PROCESSOR, **change})) == found


def test_each_stage_of_the_pipeline_is_there():
    (pipeline,) = COLLECTOR["service"]["pipelines"].values()
    for stage, names in pipeline.items():
        assert set(names) <= set(COLLECTOR[stage])


def test_the_policies_ask_for_attributes_that_there_are():
    text = yaml.safe_dump(PROCESSOR["policies"])
    asked = {*re.findall(r'attributes\["([^"]+)"\]', text), *re.findall(r"key: (\S+)", text)}
    assert asked
    assert asked <= {row.name for row in (*AT_START, *AT_END)}


# What each policy means.


def holds(condition, attributes):
    """An OTTL condition; what is not there is equal to nothing, and neither less nor more."""
    name, comparison, literal = CONDITION.fullmatch(condition).groups()
    value, literal = attributes.get(name), yaml.safe_load(literal)
    if value is None:
        return comparison == "!="
    assert isinstance(value, str) is isinstance(literal, str)
    return COMPARISONS[comparison](value, literal)


def keeps(policy, status, attributes):
    own = policy[policy["type"]]
    match policy["type"]:
        case "status_code":
            return status in own["status_codes"]
        case "string_attribute":
            return attributes.get(own["key"]) in own["values"]
        case "ottl_condition":
            return any(holds(one, attributes) for one in own["span"])
        case "probabilistic":
            return False  # that of the last policy: it keeps a share of all


def kept_by(span, **changes):
    """The names of the policies that keep a span, some of its attributes changed."""
    attributes = {**span.attributes, **{f"streaminstr.{key}": one for key, one in changes.items()}}
    status = span.status.status_code.name
    return {one["name"] for one in PROCESSOR["policies"] if keeps(one, status, attributes)}


@pytest.fixture
def spans(otel, force):
    force(otel.backend)
    return lambda: otel.raw[-1]


def test_a_stream_that_went_well_is_left_to_chance(spans):
    list(streaminstr.stream([b"one"], name="s"))
    assert kept_by(spans()) == set()


def test_a_failure_is_kept(spans):
    with suppress(ZeroDivisionError):
        list(streaminstr.stream((1 // number for number in (1, 0)), name="s"))
    assert spans().status.status_code is StatusCode.ERROR
    assert kept_by(spans()) == {"failed"}


def test_a_truncated_stream_is_kept(spans):
    list(streaminstr.stream([b"one"], name="s", ends_with=b"[DONE]"))
    assert kept_by(spans()) == {"failed", "truncated"}


def test_an_abandoned_stream_is_kept(spans):
    stream = streaminstr.stream(iter([b"one", b"two"]), name="s")
    next(stream)
    with pytest.warns(ResourceWarning):
        del stream
    assert kept_by(spans()) == {"lost-or-cut"}


def test_a_stream_that_the_server_cuts_is_kept(spans):
    stream = streaminstr.stream(iter([b"one", b"two"]), name="s")
    next(stream)
    (row,) = streaminstr.open_streams()
    assert streaminstr.close_stream(row.id)
    with suppress(StopIteration):
        next(stream)
    stream.close()
    assert kept_by(spans()) == {"lost-or-cut"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"time_to_first_chunk": 5.1}, {"slow"}),
        ({"time_to_first_chunk": 4.9, "longest_gap": 29.9}, set()),
        ({"longest_gap": 30.1}, {"slow"}),
    ],
)
def test_a_slow_stream_is_kept(spans, changes, names):
    list(streaminstr.stream([b"one", b"two"], name="s"))
    assert f"streaminstr.{next(iter(changes))}" in spans().attributes
    assert kept_by(spans(), **changes) == names
