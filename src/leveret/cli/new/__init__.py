"""The command ``new``: writes a project that runs."""
