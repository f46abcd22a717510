"""Ends a run whose span is still unsent, and prints how many seconds that blocks the process.

Usage: endedRun.py, with LangFlow's environment.
"""

import time
from uuid import uuid4

from langflow.services.tracing.traceloop import TraceloopTracer
from lfx.observability import bootstrap_application_telemetry, exported_span_scopes
from opentelemetry import trace

bootstrap_application_telemetry()
# Every run has this tracer, even if it is not configured.
tracer = TraceloopTracer("run", "chain", "project", uuid4())
trace.get_tracer(sorted(exported_span_scopes())[0]).start_span("run").end()
began = time.monotonic()
del tracer
print(time.monotonic() - began)
