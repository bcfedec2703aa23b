"""A broker in memory, behind the same seam as the driver's connections: `leveret.amqp.seam`."""
