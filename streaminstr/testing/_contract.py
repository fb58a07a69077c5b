"""The contract of a backend, as tests that its author runs."""

from __future__ import annotations

from streaminstr.testing._hooks import changed_promises, wrong_flags
from streaminstr.testing._promises_async import AsyncEnds
from streaminstr.testing._promises_ends import Ends
from streaminstr.testing._promises_extras import Extras
from streaminstr.testing._promises_places import Places
from streaminstr.testing._promises_segments import Segments
from streaminstr.testing._promises_spans import Spans

_HINT = (
    "Promises stay as they are. For what the vendor cannot do there are flags, such as "
    "has_parents = False; pytest then reports the tests as skipped."
)


class BackendContract(Ends, Spans, Places, AsyncEnds, Extras, Segments):
    """All promises of a backend, one test each. Needs pytest, but no plugin.

    Subclass it and define `make_backend`, and `finished` and `current_span_id` if spans can be read
    back. Set a flag to False for each thing that the vendor cannot do: the tests that need it are
    reported as skipped. A subclass that overrides a promise is refused.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if changed := changed_promises(cls, BackendContract):
            msg = f"{cls.__name__} changes what it is tested for: {', '.join(changed)}. {_HINT}"
            raise TypeError(msg)

    def test_contract_is_whole(self) -> None:
        """No promise was changed, and each flag says what is so."""
        wrong = wrong_flags(type(self))
        if changed := changed_promises(type(self), BackendContract):
            wrong.append(f"{', '.join(changed)} changed since. {_HINT}")
        if wrong:
            msg = f"contract_is_whole: {' '.join(wrong)}"
            raise AssertionError(msg)
