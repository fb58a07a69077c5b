"""The first-party backends pass the contract, with no privilege."""

from contract_vendors import DatadogContract, OpenTelemetryContract, RecordingContract


class TestRecording(RecordingContract):
    pass


class TestOpenTelemetry(OpenTelemetryContract):
    pass


class TestDatadog(DatadogContract):
    pass
