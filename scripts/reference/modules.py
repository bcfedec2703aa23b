"""Which modules the reference describes: those that users of the framework import from."""

MODULES = (
    "leveret",
    "leveret.errors",
    "leveret.api",
    "leveret.client",
    "leveret.sql",
    "leveret.observe",
    "leveret.outcome",
    "leveret.process.running",
)
"""In the order of their pages. A name that several of them offer is described under the first."""
