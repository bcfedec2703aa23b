"""The flight recorder: a worker's last requests, in a file that outlives the worker."""

from leveret.observe.recorder.flight_recorder import FlightRecorder
from leveret.observe.recorder.reading import FlightRecording, find, read_recordings
from leveret.observe.recorder.record_format import RecordedRequest

__all__ = ["FlightRecorder", "FlightRecording", "RecordedRequest", "find", "read_recordings"]
