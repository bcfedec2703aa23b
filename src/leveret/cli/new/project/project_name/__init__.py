"""A guest book that is called over RabbitMQ."""

from leveret import App

from project_name.guests import actions as guest_actions
from project_name.invitations import actions as invitation_actions
from project_name.settings import ProjectSettings
from project_name.tables import metadata
from project_name.webhook import Webhook

# Tables that are missing are made, and a table that is there is never changed. When one of yours
# has to change, go on with migrations: see README.md.
app = App("project_name", tables=metadata, settings=ProjectSettings)
app.include(guest_actions)
app.include(invitation_actions)


@app.resource
def make_webhook(settings: ProjectSettings) -> Webhook:
    """Make what actions with a parameter of this type get, once in each worker process."""
    return Webhook(settings.webhook_url)
