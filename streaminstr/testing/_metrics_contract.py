"""The contract of a backend that records metrics, as tests that its author runs."""

from __future__ import annotations

from streaminstr.testing._hooks import changed_promises
from streaminstr.testing._promises_metrics import Metering

_FLAGS = ("has_gauge", "has_counters", "has_histograms")
_HINT = (
    "Promises stay as they are. For what the vendor cannot do there are flags, such as "
    "has_histograms = False; pytest then reports the tests as skipped."
)


class MetricsContract(Metering):
    """All promises about the metrics of `streaminstr.metrics`, one test each. Needs only pytest.

    Subclass it and define `make_backend` and `points`. It is separate from `BackendContract`,
    because a backend may record only spans. A backend with both runs both contracts.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if changed := changed_promises(cls, MetricsContract):
            msg = f"{cls.__name__} changes what it is tested for: {', '.join(changed)}. {_HINT}"
            raise TypeError(msg)

    def test_metrics_contract_is_whole(self) -> None:
        """No promise was changed, and each flag is True or False."""
        wrong = [
            f"{flag} is {value!r}. Write True or False."
            for flag in _FLAGS
            if not isinstance(value := getattr(self, flag), bool)
        ]
        if changed := changed_promises(type(self), MetricsContract):
            wrong.append(f"{', '.join(changed)} changed since. {_HINT}")
        if wrong:
            msg = f"metrics_contract_is_whole: {' '.join(wrong)}"
            raise AssertionError(msg)
