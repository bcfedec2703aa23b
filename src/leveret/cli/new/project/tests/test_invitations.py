"""Invitations: one effect outside for each request, whatever fails on the way."""

from collections.abc import Iterator

import pytest
from leveret.errors import Conflict, TemporaryError
from leveret.testing import BlockingTestClient, TestClient

from project_name import app
from project_name.webhook import Webhook


class RecordingWebhook(Webhook):
    """Stands in the place of the service, and fails as often as a test wishes."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__("https://hooks.example/")
        self.sent: list[tuple[str, dict[str, str]]] = []
        self.failures = failures

    async def post(self, message: dict[str, str], *, key: str) -> None:
        self.sent.append((key, message))
        if len(self.sent) <= self.failures:
            raise TemporaryError("the service is away")


@pytest.fixture
def webhook() -> RecordingWebhook:
    return RecordingWebhook()


@pytest.fixture
def client(webhook: RecordingWebhook) -> Iterator[BlockingTestClient]:
    with TestClient(app, resources={Webhook: webhook}) as client:
        yield client


def test_an_invitation_is_sent_and_kept(
    client: BlockingTestClient, webhook: RecordingWebhook
) -> None:
    kept = client.call("invite", {"email": "ada@example.org"}, id="first")
    assert kept == {"number": 1, "email": "ada@example.org"}
    assert [message for _, message in webhook.sent] == [{"invite": "ada@example.org"}]


def test_a_request_that_comes_twice_sends_once(
    client: BlockingTestClient, webhook: RecordingWebhook
) -> None:
    for _ in range(2):
        client.call("invite", {"email": "ada@example.org"}, id="once")
    assert len(webhook.sent) == 1


def test_what_fails_is_sent_again_with_the_same_key(
    client: BlockingTestClient, webhook: RecordingWebhook
) -> None:
    webhook.failures = 1
    client.send("invite", {"email": "ada@example.org"}, id="again")
    client.settled()
    client.advance("5s")
    (first, _), (second, _) = webhook.sent
    assert first == second
    assert client.letters() == []


def test_without_a_service_the_caller_is_told_so() -> None:
    with TestClient(app) as client, pytest.raises(Conflict, match=r"_WEBHOOK_URL$"):
        client.call("invite", {"email": "ada@example.org"})
