"""The commands that call actions: ``call`` and ``send``."""
