"""The Task Manager: users and tasks, in two versions, over RabbitMQ."""
