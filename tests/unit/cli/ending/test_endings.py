"""Exit codes of the command, and its words on standard error."""

import pytest

from leveret import errors
from leveret.broker.connecting import BrokerTrouble
from leveret.cli.ending.endings import WrongUse, code_of, end_with
from leveret.cli.program import Program
from leveret.devbroker import BrokerFailed, BrokerMissing
from leveret.errors import ResourceError, SettingsError
from taskmanager.demo.checks import DemoFailed

PROGRAM = Program("taskmanager")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("No user has this email"), 1),
        (errors.Unauthenticated("no"), 1),
        (DemoFailed("not as promised"), 1),
        (SettingsError(["TASKMANAGER_PREFETCH: no"]), 2),
        (WrongUse("--data: no"), 2),
        (errors.NotClosed({"book.log": OSError("full")}), 4),
        (ResourceError(["v1.sign wants a Mailer, and no resource returns one"]), 2),
        (errors.InvalidRequest("Field id: no"), 2),
        (errors.NoAnswer("late"), 3),
        (errors.NotSent("no broker"), 3),
        (errors.WorkerStopped("wrong password"), 3),
        (errors.WorkerDeaf("stuck"), 70),
        (errors.Overloaded("full"), 1),
        (errors.StorageUnavailable("gone"), 3),
        (errors.StorageBusy("locked"), 3),
        (BrokerTrouble("other arguments"), 3),
        (BrokerFailed("did not start"), 3),
    ],
)
def test_each_kind_of_error_has_its_exit_code_and_one_line(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(error) == code
    with pytest.raises(SystemExit) as ended:
        end_with(error, PROGRAM)
    assert ended.value.code == code
    assert capsys.readouterr().err == f"taskmanager: {error}\n"


def test_without_a_rabbitmq_the_setting_for_another_broker_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        end_with(BrokerMissing("install it"), PROGRAM)
    assert ended.value.code == 3
    wanted = "taskmanager: install it\nOr set TASKMANAGER_AMQP_URL to the address of a broker that runs already.\n"
    assert capsys.readouterr().err == wanted


def test_several_settings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        end_with(SettingsError(["TASKMANAGER_A: no", "TASKMANAGER_B: no"]), PROGRAM)
    wanted = "taskmanager: 2 settings cannot be used:\n  TASKMANAGER_A: no\n  TASKMANAGER_B: no\n"
    assert capsys.readouterr().err == wanted


def test_an_error_without_words_is_named_by_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        end_with(errors.NoAnswer(), PROGRAM)
    assert capsys.readouterr().err == "taskmanager: NoAnswer\n"


def test_several_mistakes_about_resources_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        end_with(ResourceError(["v1.sign wants a Mailer", "v1.sign wants a Log"]), PROGRAM)
    wanted = "taskmanager: 2 mistakes about resources:\n  v1.sign wants a Mailer\n  v1.sign wants a Log\n"
    assert capsys.readouterr().err == wanted
