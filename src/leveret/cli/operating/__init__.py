"""The commands of whoever runs an application: letters, queues, topology, database, keys, broker."""
