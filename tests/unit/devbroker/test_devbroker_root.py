"""A RabbitMQ in a folder that its node sees as the whole file system, without a running node."""

import os
import sys
from pathlib import Path

import pytest

from leveret.devbroker import BrokerFailed, BrokerMissing, DevBroker
from leveret.devbroker.programs import Programs

PORTS = {"amqp": 1, "distribution": 2, "epmd": 3, "management": 4, "prometheus": 5}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no chroot")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with the programs where Debian installs them, and a caller who may enter it."""
    for program in ("usr/lib/rabbitmq/bin/rabbitmq-server", "usr/bin/epmd"):
        path = tmp_path / "root" / program
        path.parent.mkdir(parents=True)
        path.symlink_to("/nowhere/from/here")
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\nexit 1\n")
    unshare.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "root"


def test_every_program_is_run_in_the_root_and_the_node_gets_a_proc_of_its_own(root: Path, tmp_path: Path) -> None:
    programs = Programs(root)
    entering = [str(tmp_path / "unshare"), f"--root={root}"]
    scripts = "/usr/lib/rabbitmq/bin"
    assert programs.server() == [*entering, "--mount", "--mount-proc", f"{scripts}/rabbitmq-server", "-noinput"]
    assert programs.port_mapper() == [*entering, "/usr/bin/epmd"]
    assert programs.control() == [*entering, f"{scripts}/rabbitmqctl"]
    assert programs.nodes_folder() == root / "tmp"


def test_a_node_in_a_root_is_told_paths_as_it_sees_them_and_nothing_of_its_caller(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/lib/of/the/caller.so")
    monkeypatch.setenv("SECRET", "hidden")
    environment = Programs(root).environment(root / "tmp" / "node", "mine@localhost", PORTS)
    assert environment["HOME"] == "/tmp/node"
    assert environment["RABBITMQ_MNESIA_BASE"] == "/tmp/node/data"
    assert not [text for text in environment.values() if str(root) in text]
    assert {"LD_PRELOAD", "SECRET"}.isdisjoint(environment)
    assert "/usr/bin" in environment["PATH"].split(":")


def test_a_folder_outside_of_the_root_is_refused_because_the_node_could_not_see_it(root: Path, tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed, match="sees nothing outside of it"):
        DevBroker(tmp_path, root=root).start()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("leveret")] == []


@pytest.mark.parametrize("gone", ["usr/lib/rabbitmq/bin/rabbitmq-server", "usr/bin/epmd"])
def test_a_root_without_rabbitmq_is_told_with_the_way_to_one(root: Path, gone: str) -> None:
    (root / gone).unlink()
    with pytest.raises(BrokerMissing, match=rf"{gone} is missing[\s\S]*the package rabbitmq-server is installed"):
        DevBroker(root=root).start()


def test_who_is_not_root_may_not_enter_and_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(BrokerMissing, match="only be run by root"):
        DevBroker(root=root).start()


def test_where_there_is_no_unshare_that_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(BrokerMissing, match="with the program unshare"):
        DevBroker(root=root).start()


def test_the_root_that_the_environment_names_is_taken_where_nobody_gives_one(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RABBITMQ_SERVER_ROOT", str(tmp_path / "other"))
    with pytest.raises(BrokerMissing, match="other: "):
        DevBroker().start()
    (root / "tmp").mkdir()
    with pytest.raises(BrokerFailed):  # the unshare of this test does nothing
        DevBroker(root=root).start()
    assert list((root / "tmp").iterdir()) == []


def test_without_a_root_the_programs_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "rabbitmq-server.bat"
    script.write_text("")
    script.chmod(0o755)
    monkeypatch.setenv("RABBITMQ_SERVER", str(script))
    assert Programs().server() == [str(script), "-noinput"]
    assert Programs().control() == [str(tmp_path.resolve() / "rabbitmqctl.bat")]
    assert Programs().nodes_folder() is None
