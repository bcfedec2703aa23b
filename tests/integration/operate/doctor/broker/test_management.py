"""What only the management API knows: policies, bindings, feature flags."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from msgspec.structs import replace

from leveret.broker.queues import apply_topology, remove_topology
from leveret.devbroker import DevBroker
from leveret.operate.doctor.broker.binding import binding
from leveret.operate.doctor.broker.policies import policies
from leveret.operate.doctor.broker.streams import features
from leveret.operate.doctor.installation import Installation, ManagementLogin
from support.broker_users import Operator
from support.installations import installation, only, states


@pytest.fixture
def operator(broker: DevBroker) -> Operator:
    return Operator(broker.url, broker.management_url)


@pytest.fixture
def examined(operator: Operator, prefix: str) -> Installation:
    login = ManagementLogin(operator.address, operator.administrator)
    return installation(login, AMQP_URL=operator.url, QUEUE_PREFIX=prefix)


def ask(operator: Operator, method: str, path: str, body: object = None) -> None:
    words = base64.b64encode(f"{operator.administrator.user}:{operator.administrator.password}".encode()).decode()
    connection = HTTPConnection(operator.address.host, operator.address.port, timeout=10)
    connection.request(method, f"/api{path}", json.dumps(body), {"Authorization": f"Basic {words}"})
    assert connection.getresponse().status in (201, 204)
    connection.close()


@pytest.fixture
def policy(operator: Operator, prefix: str) -> Iterator[str]:
    path = f"/policies/%2F/{prefix}"
    definition = {"pattern": rf"^{prefix}\.requests\.dlq$", "definition": {"max-length": 5}, "apply-to": "queues"}
    ask(operator, "PUT", path, definition)
    yield prefix
    ask(operator, "DELETE", path)


def test_a_policy_that_works_against_us_is_found(examined: Installation, policy: str) -> None:
    finding = only(policies(examined))
    assert finding.state == "warning"
    assert f"by the policy {policy!r}, {policy}.requests.dlq takes nothing more at 5" in finding.text


def test_without_such_policies_all_is_well(examined: Installation) -> None:
    assert states(policies(examined)) == ["ok"]


async def test_a_binding_that_is_missing_is_wrong(examined: Installation) -> None:
    assert states(binding(examined)) == ["wrong"]
    await apply_topology(examined.settings.amqp_url, examined.topology)
    try:
        assert states(binding(examined)) == ["ok"]
    finally:
        await remove_topology(examined.settings.amqp_url, examined.topology)


def test_feature_flags_are_read(examined: Installation) -> None:
    assert features(examined)[-1].state in ("ok", "unknown")
    assert "feature flags" in features(examined)[-1].text


def test_without_the_management_api_it_says_how_to_know() -> None:
    for check in (policies, features):
        finding = only(check(installation()))
        assert finding.state == "unknown"
        assert "rabbitmqctl list_" in finding.advice
    assert binding(installation()) == []


def test_a_wrong_password_leaves_it_unknown(examined: Installation, operator: Operator) -> None:
    wrong = ManagementLogin(operator.address, replace(operator.administrator, password="hush-hush"))
    for check in (policies, features, binding):
        finding = only(check(replace(examined, management=wrong)))
        assert finding.state == "unknown"
        assert "the user or the password is wrong" in finding.text
