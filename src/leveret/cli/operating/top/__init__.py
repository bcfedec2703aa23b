"""The command ``top``: an overview in a terminal, again and again, with keys."""
