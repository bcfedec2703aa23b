"""The comparison: the same load on both forms of the system, over HTTP alone and over RabbitMQ, while things fail."""
