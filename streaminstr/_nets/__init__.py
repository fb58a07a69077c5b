"""The parts of the outermost nets, apart from the two classes that users name.

Imports `_core`, `_calls`, `_configure` and `_process`. No framework and no server is imported here.
"""
