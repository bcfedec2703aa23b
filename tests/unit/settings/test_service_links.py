"""What Kubernetes puts into the environment is no setting, and a misspelt setting is no such thing."""

import pytest

from leveret.errors import SettingsError
from leveret.settings.service_links import is_service_link
from taskmanager.settings import Settings

OF_A_SERVICE = {
    "SERVICE_HOST": "10.96.12.7",
    "SERVICE_PORT": "8080",
    "SERVICE_PORT_HTTP_API": "8080",
    "PORT": "tcp://10.96.12.7:8080",
    "PORT_8080_TCP": "tcp://10.96.12.7:8080",
    "PORT_8080_TCP_PROTO": "tcp",
    "PORT_8080_TCP_PORT": "8080",
    "PORT_8080_TCP_ADDR": "10.96.12.7",
}
OTHERS = {
    "PORT": "udp://10.96.12.7:53",
    "PORT_53_UDP": "udp://10.96.12.7:53",
    "PORT_53_UDP_PROTO": "udp",
    "PORT_9_SCTP": "sctp://[fd00:10:96::7]:9",
    "PORT_9_SCTP_ADDR": "fd00:10:96::7",
    "SERVICE_HOST": "fd00:10:96::7",
    "SERVICE_PORT": "65535",
}


@pytest.mark.parametrize("service", ["TASKMANAGER", "TASKMANAGER_WORKER", "TASKMANAGER_V2_PORT_X"])
@pytest.mark.parametrize("form", [OF_A_SERVICE, OTHERS])
def test_all_that_kubelet_makes_of_a_service_is_left_aside(service: str, form: dict[str, str]) -> None:
    environ = {f"{service}_{name}": value for name, value in form.items()}
    assert [name for name, value in environ.items() if not is_service_link(name, value)] == []
    environ["TASKMANAGER_PREFETCH"] = "7"
    assert Settings.from_environment(environ) == Settings(prefetch=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "5672"),
        ("PORT", "tcp://mq.example.com:5672"),
        ("PORT", "tcp://10.0.0.1"),
        ("PORT", "tcp://10.0.0.1:x"),
        ("PORT", "tcp://10.0.0.1:70000"),
        ("PORT", "amqp://10.0.0.1:5672"),
        ("PORT", "TCP://10.0.0.1:5672"),
        ("PORT", "tcp://[10.0.0.1:5672"),
        ("PORT_5672_TCP", "tcp://10.0.0.1:5673"),
        ("PORT_5672_TCP", "udp://10.0.0.1:5672"),
        ("PORT_5672_TCP_PORT", "5673"),
        ("PORT_5672_TCP_PROTO", "udp"),
        ("PORT_5672_TCP_ADDR", "mq"),
        ("PORT_5672_TCP_NAME", "mq"),
        ("PORT_TCP", "tcp://10.0.0.1:5672"),
        ("SERVICE_HOST", "mq.example.com"),
        ("SERVICE_PORT", "0"),
        ("SERVICE_PORT", "070"),
        ("SERVICE_PORT", "99999"),
        ("SERVICE_PORT_HTTP", "http"),
        ("SERVICE_NAME", "10.0.0.1"),
        ("PREFECH", "10"),
        ("HOST", "10.0.0.1"),
        ("RETRY_DELAYS", "5s"),
    ],
)
def test_what_fits_by_name_or_by_value_alone_is_still_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"TASKMANAGER_{name}: no such setting"):
        Settings.from_environment({f"TASKMANAGER_{name}": value})


def test_a_setting_is_read_whatever_its_value_looks_like() -> None:
    with pytest.raises(SettingsError, match=r"TASKMANAGER_PREFETCH: 'tcp://10\.0\.0\.1:80' is no"):
        Settings.from_environment({"TASKMANAGER_PREFETCH": "tcp://10.0.0.1:80"})
