import argparse

import pytest

from streaminstr._top.options import add_arguments


@pytest.fixture
def asked():
    """What a command line asks for."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return lambda *arguments: parser.parse_args(arguments)
