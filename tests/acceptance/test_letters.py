"""Dead letters on the command line: sent again, or discarded."""

from __future__ import annotations

import json

import taskmanager
from support.command import Commands
from support.dead_requests import depths, write_letters
from testbed.waiting import wait_until


def ids_of(commands: Commands) -> list[str]:
    return [json.loads(line)["letter"]["request"]["id"] for line in commands.run("letters").stdout.splitlines()]


def test_letters_are_sent_again_and_have_their_effect_as_their_caller(commands: Commands) -> None:
    token = write_letters(commands, "a", "b", "c")
    done = commands.run("letters", "redrive", "b", "nobody", "--wait", "0s")
    assert done.returncode == 1
    begun, missing, *_, sent, end = done.stdout.splitlines()
    name = begun.split()[1].rstrip(":")
    assert (begun, missing) == (f"operation {name}: 1 letter", "not there: nobody: no letter with this id was found")
    assert sent == "sent, result not known: b: nobody waited for what becomes of it, because --wait is 0"
    assert end == f"operation {name} is done: 0 succeeded, 1 sent, result not known"
    assert ids_of(commands) == ["a", "c"]
    chosen = (("c", "nobody"), ("--action", "create_task", "--limit", "1", "--newest"), ("b", "--state", "redriven"))
    for words, expected in zip(chosen, ("c", "c", "b"), strict=True):
        lines = commands.run("letters", "list", *words).stdout.splitlines()
        assert [json.loads(line)["request_id"] for line in lines] == [expected], words
    commands.worker()
    wait_until(lambda: len(commands.call("list_tasks", token=token)) == 1, "the task of the request sent again")
    both = commands.run("letters", "redrive", "--all")
    assert both.returncode == 0, both.stderr
    assert both.stdout.splitlines()[-3:-1] == ["succeeded: a", "succeeded: c"]
    assert both.stdout.endswith(" is done: 2 succeeded\n")
    assert len(commands.call("list_tasks", token=token)) == 3
    listed = [json.loads(line) for line in commands.run("letters", "operations").stdout.splitlines()]
    assert [(each["counts"]["succeeded"], each["state"]) for each in listed] == [(2, "done"), (0, "done")]
    assert depths(commands) == [0, 0, 0]


def test_what_stays_is_told_with_the_reason(commands: Commands) -> None:
    write_letters(commands, "a")
    commands.variables["JWT_SECRET"] = "another secret than the one beside the file"
    done = commands.run("letters", "redrive", "--all")
    assert done.returncode == 1
    assert "\nstays: a: it has no seal of a worker with this secret" in done.stdout
    assert done.stdout.endswith(" is done: 0 succeeded, 1 stays\n")
    assert depths(commands) == [0, 0, 1]


def test_without_the_database_letters_are_sent_at_once_and_it_says_that_nothing_is_written_down(
    commands: Commands,
) -> None:
    write_letters(commands, "a", "b", "c")
    commands.variables["OPERATIONS_DATABASE_URL"] = "postgresql+psycopg://127.0.0.1:1/nowhere"
    steps = commands.run("letters", "redrive", "--all", "--steps", "1,all")
    assert (steps.returncode, steps.stdout) == (3, ""), "what an operation alone can do is refused"
    assert depths(commands) == [0, 0, 3]
    done = commands.run("letters", "redrive", "b", "nobody", "--by", "ada")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "sent again: b",
        "not there: nobody: no letter with this id is in the queue",
        "1 sent again, 0 stay",
    ]
    assert "this is not written down: there is no operation, no entry in the history" in done.stderr
    as_json = commands.run("letters", "redrive", "--all", "--json")
    assert as_json.returncode == 0, as_json.stderr
    *letters, summary = map(json.loads, as_json.stdout.splitlines())
    assert [(letter["id"], letter["state"]) for letter in letters] == [("a", "sent"), ("c", "sent")]
    assert (summary["state"], summary["counts"]["sent"]) == ("unrecorded", 2)
    assert depths(commands) == [3, 0, 0]


def test_letters_are_discarded_when_told_to(commands: Commands) -> None:
    write_letters(commands, "a", "b", "c")
    unasked = commands.run("letters", "discard", "--all")
    assert unasked.returncode == 2
    assert "add --yes, because there is no terminal to ask on" in unasked.stderr
    assert "Nothing was discarded." in commands.answer("n", "letters", "discard", "--all")
    assert ids_of(commands) == ["a", "b", "c"]
    done = commands.run("letters", "discard", "b", "--yes")
    assert (done.returncode, done.stdout) == (0, "discarded: b\n1 discarded, 0 stay\n")
    assert ids_of(commands) == ["a", "c"]
    asked = commands.answer("y", "letters", "discard", "--all")
    assert "Move all 2 letters in" in asked
    assert asked.endswith("2 discarded, 0 stay\n")
    assert depths(commands) == [0, 0, 0]
    lines = [json.loads(line) for line in commands.run("letters", "archive").stdout.splitlines()]
    assert lines[0]["request"] == "b"  # the two others came together, and stand in any order
    assert sorted((line["request"], line["state"], line["whole"]) for line in lines) == [
        (request_id, "archived", True) for request_id in "abc"
    ]
    named = commands.run("letters", "archive", "a", "--action", "create_task", "--text", "no such tab", "--json")
    assert [json.loads(line)["request"] for line in named.stdout.splitlines()] == ["a"]
    back = commands.run("letters", "restore", "a", "b", "nobody", "--why", "it was the wrong one")
    assert back.returncode == 1
    assert back.stdout.splitlines() == [
        "restored: b",
        "restored: a",
        "not there: nobody: no letter with this id is in the archive",
        "2 restored, 0 stay",
    ]
    assert ids_of(commands) == ["b", "a"]
    assert "for good" in commands.answer("y", "letters", "discard", "b", "--for-good")
    assert commands.run("letters", "redrive", "a", "--wait", "0s").returncode == 0
    words = [json.loads(line)["what"] for line in commands.run("letters", "history").stdout.splitlines()]
    assert words[2:6] == ["discard_for_good_ended", "discard_for_good", "restore_ended", "restore"]


def test_letters_are_exported_and_imported(commands: Commands) -> None:
    write_letters(commands, "a", "b")
    file = commands.folder / "letters.jsonl"
    done = commands.run("letters", "export", str(file), "--all")
    assert (done.returncode, done.stdout) == (0, f"2 letters exported to {file}\n")
    assert "It holds what callers wrote" in done.stderr
    assert (oct(file.stat().st_mode)[-3:], len(file.read_text().splitlines())) == ("600", 2)
    again = commands.run("letters", "export", str(file), "a")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert commands.run("letters", "discard", "b", "--for-good", "--yes").returncode == 0
    assert "Nothing was imported." in commands.answer("n", "letters", "import", str(file))
    back = commands.run("letters", "import", str(file), "--yes", "--why", "too early")
    assert (back.returncode, back.stdout) == (0, "imported: b\n1 imported, 0 stay\n")
    assert "In the queue already: 1 letter." in back.stderr
    assert ids_of(commands) == ["a", "b"]
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "{}", lines[1][:-1]]))
    wrong = commands.run("letters", "import", str(file), "--yes")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert [line.split(":")[0] for line in wrong.stderr.splitlines()[:2]] == ["line 2", "line 3"]
    assert "2 lines cannot be imported; nothing was imported" in wrong.stderr
    assert commands.run("letters", "redrive", "b", "--wait", "0s").returncode == 0
    words = [json.loads(line)["what"] for line in commands.run("letters", "history").stdout.splitlines()]
    assert words[-1:] == ["export"]
    assert {"import", "import_ended"} <= set(words)


def test_letters_are_edited_and_executed_with_their_new_data(commands: Commands) -> None:
    token = write_letters(commands, "a", "b")
    assert "--why is needed" in commands.run("letters", "edit", "a", "--set", "title=Bake").stderr
    tried = commands.run("letters", "edit", "a", "b", "--patch", '{"title": "Bake\\u202e"}', "--dry-run")
    assert (tried.returncode, tried.stdout.splitlines()[:2]) == (0, ["--- a as it is", "+++ a edited"])
    assert '+  "title": "Bake\\u202e"' in tried.stdout.splitlines()
    assert tried.stdout.endswith("2 letters would be edited, 0 stay; nothing was changed\n")
    wrong = commands.run("letters", "edit", "a", "--set", "title:=7", "--why", "x", "--yes")
    assert (wrong.returncode, "stays: a: a worker would refuse the new data: Field title" in wrong.stdout) == (1, True)
    why = ("--why", "a typing error", "--by", "ada")
    asked = commands.answer("n", "letters", "edit", "a", "--set", "title=Bake", *why)
    assert "Edit 1 letter in" in asked
    assert ids_of(commands) == ["a", "b"]
    patch = commands.folder / "patch.json"
    patch.write_text('[{"op": "replace", "path": "/title", "value": "Bake"}]')
    done = commands.run("letters", "edit", "a", "--patch", str(patch), *why, "--yes")
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (0, ["edited: a", "1 edited, 0 stay"])
    assert sorted(ids_of(commands)) == ["a", "b"]
    shown_first, *_ = map(json.loads, commands.run("letters", "show", "a").stdout.splitlines())
    assert shown_first["state"] == "present", "the newest is told first"
    letters = {row["state"]: row for row in map(json.loads, commands.run("letters", "show", "a").stdout.splitlines())}
    assert set(letters) == {"edited", "present"}, "the letter that was replaced is told too"
    shown = letters["present"]
    assert (shown["letter"]["edited"][0]["by"], shown["letter"]["edited"][0]["why"]) == ("ada", "a typing error")
    assert "its data was edited by ada: a typing error" in commands.run("explain", "a").stdout
    ended, begun = (json.loads(line) for line in commands.run("letters", "history").stdout.splitlines()[:2])
    assert (begun["what"], begun["by_whom"], begun["details"]["letters"]) == ("edit", "ada", ["a"])
    assert ended["details"]["done"] == 1
    commands.worker()
    assert commands.run("letters", "redrive", "a").returncode == 0
    assert len(commands.call("list_tasks", token=token)) == 1
    executed = commands.run("letters", "edit", "a", "--set", "title=Cook", *why, "--yes")
    assert (executed.returncode, "not there: a" in executed.stdout) == (1, True)


def test_who_changed_letters_and_why_is_on_record(commands: Commands) -> None:
    write_letters(commands, "a")
    told = ("--why", "the test is mended", "--incident", "red-test", "--by", "ada")
    assert commands.run("letters", "redrive", "a", "--wait", "0s", *told).returncode == 0
    done = commands.run("letters", "history", "--incident", "red-test")
    ended, begun = map(json.loads, done.stdout.splitlines())
    assert [begun["what"], ended["what"]] == ["redrive", "redrive_ended"]
    assert (begun["by_whom"], begun["why"]) == ("ada", "the test is mended")
    assert begun["operation"] == ended["operation"] != ""
    assert ended["details"] == {"state": "done", "why": "", "sent": 1}


def test_groups_have_the_state_and_the_note_that_somebody_gave_them(commands: Commands) -> None:
    write_letters(commands, "a")
    group = json.loads(commands.run("letters", "groups").stdout)
    assert (group["present"], group["state"], group["note"], group["noted_by"]) == (1, "open", "", None)
    assert group["versions"] == [taskmanager.VERSION]
    name = group["fingerprint"]
    done = commands.run("letters", "note", name[:6], "a full disk", "--state", "mended", "--by", "ada")
    assert (done.returncode, done.stdout) == (0, f"{name} is mended: a full disk\n")
    assert json.loads(commands.run("letters", "notes").stdout)["fingerprint"] == name
    noted = json.loads(commands.run("letters", "groups").stdout)
    assert (noted["state"], noted["note"], noted["noted_by"]) == ("mended", "a full disk", "ada")
    code, table = commands.terminal("letters", "groups", width=140)
    assert code == 0
    assert f"{name[:8]} (mended, ada, " in table
    assert "): a full disk" in table
    wrong = commands.run("letters", "note", "nothing", "a full disk")
    assert (wrong.returncode, "no group begins with 'nothing'" in wrong.stderr) == (2, True)
    commands.variables["OPERATIONS_DATABASE_URL"] = "postgresql+psycopg://127.0.0.1:1/nowhere"
    without = commands.run("letters", "groups")
    assert (without.returncode, json.loads(without.stdout)["state"]) == (0, None)
    assert "How far groups are dealt with is not known: " in without.stderr


def test_wrong_use_and_a_missing_queue_are_told(commands: Commands) -> None:
    for arguments in (["redrive"], ["discard"], ["redrive", "a", "--all"], ["discard", "a", "--all", "--yes"]):
        wrong = commands.run("letters", *arguments)
        assert wrong.returncode == 2
        assert "Name the ids of their requests, or say --all" in wrong.stderr
    assert "--most is for looking" in commands.run("letters", "--most", "3", "redrive", "--all").stderr
    commands.variables["JWT_SECRET"] = "a secret, for no worker has made one here"
    missing = commands.run("letters", "redrive", "--all")
    assert missing.returncode == 3
    assert "no queue" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_it_says_what_would_happen_and_nothing_happens(commands: Commands) -> None:
    write_letters(commands, "a", "b")
    done = commands.run("letters", "redrive", "--what-if", "--all")
    assert done.returncode == 0, done.stderr
    assert "would succeed" in done.stdout
    assert done.stdout.endswith("2 letters tried, each alone against the database as it is; nothing was changed.\n")
    as_json = commands.run("letters", "redrive", "--what-if", "--json", "a", "nobody")
    prediction, summary = map(json.loads, as_json.stdout.splitlines())
    assert (prediction["id"], prediction["end"], prediction["action"]) == ("a", "succeeds", "v1.create_task")
    assert (summary["letters"], summary["missing"], as_json.returncode) == (1, ["nobody"], 1)
    assert depths(commands) == [0, 0, 2]


def test_a_request_is_explained_by_its_rows_and_its_letter(commands: Commands) -> None:
    write_letters(commands, "a")
    done = commands.run("explain", "a")
    assert done.returncode == 0, done.stderr
    first, *facts = done.stdout.splitlines()
    assert first.startswith("a, of ")
    assert first.endswith(": it was given up, and its dead letter waits for somebody.")
    assert any("an attempt failed: " in line and "[dead letters, worker taskmanager worker " in line for line in facts)
    assert "  database: no response is stored: " in done.stdout
    as_json = commands.run("explain", "nobody", "--json")
    assert (json.loads(as_json.stdout)["stories"], as_json.returncode) == ([], 1)
