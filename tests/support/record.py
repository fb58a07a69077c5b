"""Lines of JSON that one process appends to while another one reads."""

import json


def whole_lines(file):
    """What was written so far.

    A line that crosses a page of the file shows half for a moment, without its line break: it is
    left to the next look.
    """
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]
