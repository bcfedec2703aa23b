"""Looks for what is wrong with an installation: settings, broker, database, this machine; changes nothing."""
