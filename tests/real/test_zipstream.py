"""zipstream-ng, whose archive is itself the body."""

from time import struct_time

from zipstream import ZipStream

from real_check import check
from real_django import Django
from real_spans import note

TIME = struct_time((2026, 1, 1, 0, 0, 0, 3, 1, 0))


def file(turn):
    try:
        for number in range(4):
            note(number)
            yield b"%d\n" % number
            turn.next()
    finally:
        note("cleaned up")


def archive(turn):
    zipped = ZipStream()
    zipped.add(file(turn), "file.txt")
    return zipped


def test_an_archive(wsgi_ending, net, monkeypatch):
    monkeypatch.setattr("time.localtime", lambda *_: TIME)  # which it writes into the archive
    check(Django(archive, protocol="wsgi", net=net), wsgi_ending)
