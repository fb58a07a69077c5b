"""The one place of these tests that forces a configuration: it is not public how that is done."""

try:
    from streaminstr._configure import assemble, forced
except ImportError:  # pragma: no cover - version 0.1.0, on which these tests were seen to fail
    from streaminstr._config import Config, forced

    def assemble(backends, **options):
        return Config(backends=backends, **options)


def in_force(*backends, **options):
    """Nothing but these backends is in force inside the block; without any, nothing at all is."""
    return forced(assemble(backends, **options))
