"""What an adapter does with a response: its body becomes a stream that belongs to the net."""

from streaminstr import _configure, _wrap


def adapt(body, carrier, name="left"):
    """A stream over `body`, the body of the response to the request that `carrier` came with."""
    config = _configure.current()
    return _wrap.wrap(body, _wrap.make_handle(config, name, None), config, carrier=carrier)
