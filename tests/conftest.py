"""What holds for all tests."""

import sys

if "_hypothesis_pytestplugin" in sys.modules:  # not in each session
    from hypothesis import settings

    # A time is never asserted: an example may take as long as a busy machine needs.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")
