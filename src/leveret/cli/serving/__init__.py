"""The command ``worker``, and what else runs a worker."""
