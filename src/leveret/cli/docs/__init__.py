"""The commands ``docs``: what the registry says, as documents."""
