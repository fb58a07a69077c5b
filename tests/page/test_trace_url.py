"""The setting TRACE_URL takes ids alone, and http or https alone."""

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings

from page_roster import ROW
from streaminstr import StreaminstrError
from streaminstr.django import conf
from streaminstr.django.page import trace_url

GOOD = (
    None,
    "https://tracing.example.com/trace/{trace_id}",
    "http://127.0.0.1:16686/trace/{trace_id}?uiFind={span_id}#{stream_id}",
    "https://tracing.example.com/{{literally}}/",
)
BAD = (
    ("{trace_id}", "http:// or https://"),
    ("javascript:alert('{trace_id}')", "http:// or https://"),
    ("ftp://example.com/{trace_id}", "http:// or https://"),
    ("https:///{trace_id}", "a host"),
    ("https://{trace_id}.example.com/", "a host"),
    ("https://example.com/{name}", "{trace_id}, {span_id}, {stream_id} alone"),
    ("https://example.com/{}", "alone"),
    ("https://example.com/{trace_id.__class__}", "alone"),
    ("https://example.com/{trace_id[0]}", "alone"),
    ("https://example.com/{trace_id!r}", "neither a format nor a conversion"),
    ("https://example.com/{trace_id:>40}", "neither a format nor a conversion"),
    ("https://example.com/{trace_id", "cannot be read"),
    ("https://[example.com/{trace_id}", "cannot be read"),
    (b"https://example.com/", "no text"),
    ("", "a host"),
)


@pytest.mark.parametrize("template", GOOD)
def test_a_template_of_ids_passes(template):
    trace_url.check("TRACE_URL", template)


@pytest.mark.parametrize(("template", "reason"), BAD)
def test_anything_else_is_refused_as_the_site_starts(template, reason):
    wrong = {**settings.STREAMINSTR, "TRACE_URL": template}
    with override_settings(STREAMINSTR=wrong):
        with pytest.raises(StreaminstrError) as refused:
            conf.loaded()
        assert reason in str(refused.value)
        (error,) = checks.run_checks(tags=["streaminstr"])
    assert error.id == "streaminstr.E003"
    assert reason in error.msg


def test_the_address_has_the_ids_in_it():
    template = "https://tracing.example.com/{trace_id}/{span_id}/{stream_id}"
    link = trace_url.address(template, ROW)
    assert link == f"https://tracing.example.com/{ROW.trace_id}/{ROW.span_id}/{ROW.id}"


def test_without_a_template_there_is_none():
    assert trace_url.address(None, ROW) is None
