"""Checks of this process and machine: settings, secrets, versions, clock."""
