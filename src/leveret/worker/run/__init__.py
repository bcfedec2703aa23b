"""Running requests: who may run now, in which thread or task."""
