"""The Task Manager: an API for users and tasks, in two versions, over RabbitMQ."""
