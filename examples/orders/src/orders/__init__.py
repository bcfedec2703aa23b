"""Orders with stock and shipping, called over RabbitMQ."""

from orders import shipping, stock
from orders.app import app

__all__ = ["app"]

app.include(stock.actions)
app.include(shipping.actions)
