"""What a statement does, told from its text."""

import tracemalloc

import pytest

from leveret.sql.statement_kinds import MOST_CHARACTERS, Leftover, StatementKind, classify, kind_of

READS = StatementKind(reads=True)
WRITES = StatementKind(writes=True)
ENDS = StatementKind(ends=True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT 1", READS),
        ("select count(*) from tasks where (a = 1) and b in (1, 2)", READS),
        ("  -- look\n SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?", READS),
        ("/* COMMIT */ SELECT 'COMMIT; DELETE FROM tasks'", READS),
        ("SELECT id FROM tasks WHERE id = %(id)s FOR NO KEY UPDATE", READS),
        ("SELECT p.id FROM unnest(CAST(:ids AS text[]), x) AS k (principal, id) JOIN p ON p.id = k.id", READS),
        ("WITH some AS (SELECT 1) SELECT * FROM some FOR UPDATE", READS),
        ("VALUES (1), (2)", READS),
        ("SELECT pg_catalog.count(*) FROM tasks", READS),
        ("SELECT count(*) FROM tasks; SELECT 2;", READS),
        ("SELECT delete, p.update, p.insert, p.into FROM permissions AS p", READS),
        ("SELECT p.delete FROM permissions AS p WHERE (p.update OR p.merge) AND (delete)", READS),
        ('SELECT max(at) AS "last update", "into", "a; DELETE" FROM visits', READS),
        ("SELECT id FROM tasks WHERE id = %(update)s AND title IN (:delete, @into)", READS),
        ("SELECT id FROM tasks WHERE id IN (1) FOR  UPDATE OF tasks", READS),
        ("SELECT id::text FROM tasks", READS),
        ("PRAGMA user_version", READS),
        ('PRAGMA main.table_xinfo("delete")', READS),
        ("SELECT charge(7)", StatementKind()),
        ("SELECT billing.charge(7)", StatementKind()),
        ('SELECT "charge" (7)', StatementKind()),
        ("WITH k AS (SELECT charge(7)) SELECT * FROM k", StatementKind()),
        ("SELECT * INTO copy FROM tasks", WRITES),
        ("WITH gone AS (DELETE FROM tasks RETURNING id) SELECT * FROM gone", WRITES),
        ("WITH new AS (INSERT INTO tasks (title) VALUES ('x') RETURNING id) SELECT * FROM new", WRITES),
        ("WITH done AS MATERIALIZED (update only tasks AS t set title = '' RETURNING id) SELECT * FROM done", WRITES),
        ('WITH old (id) AS (SELECT 1) UPDATE "tasks" SET title = (SELECT 1)', WRITES),
        ("WITH old (id) AS (SELECT 1) DELETE FROM tasks", WRITES),
        ("WITH old (id) AS (SELECT 1) REPLACE INTO tasks SELECT * FROM old", WRITES),
        ("WITH old AS (SELECT 1) MERGE INTO tasks USING old ON true WHEN MATCHED THEN DELETE", WRITES),
        ("INSERT INTO tasks (title) VALUES ('x')", WRITES),
        ("update tasks set title = ''", WRITES),
        ("DELETE FROM tasks", WRITES),
        ("CREATE TABLE notes (text text)", WRITES),
        ("SELECT 1; DELETE FROM tasks", WRITES),
        ("CREATE TRIGGER t AFTER INSERT ON tasks BEGIN DELETE FROM tasks; END", WRITES),
        ("CREATE TABLE a (b int); COMMIT", StatementKind(writes=True, ends=True)),
        ("SAVEPOINT a", StatementKind()),
        ("RELEASE SAVEPOINT a", StatementKind()),
        ("ROLLBACK TO SAVEPOINT a", StatementKind()),
        ("ROLLBACK WORK TO a", StatementKind()),
        ("LOCK TABLE tasks", StatementKind()),
        ("COMMIT", ENDS),
        ("commit and chain", ENDS),
        ("/* now */ ROLLBACK", ENDS),
        ("END", ENDS),
        ("BEGIN IMMEDIATE", ENDS),
        ("START TRANSACTION", ENDS),
        ("PREPARE TRANSACTION 'a'", ENDS),
        ("SET LOCAL work_mem = '64MB'", StatementKind(left=Leftover.UNTIL_THE_END)),
        ("SET CONSTRAINTS ALL DEFERRED", StatementKind(left=Leftover.UNTIL_THE_END)),
        ("SET TRANSACTION READ ONLY", StatementKind(left=Leftover.UNTIL_THE_END)),
        ("DECLARE c CURSOR FOR SELECT 1", StatementKind(left=Leftover.UNTIL_THE_END)),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", StatementKind(left=Leftover.SESSION)),
        ("SELECT set_config('app.user', '7', true)", StatementKind(left=Leftover.UNTIL_THE_END)),
        ("SELECT set_config('app.user', coalesce(%(user)s, '7'), true)", StatementKind(left=Leftover.UNTIL_THE_END)),
        (
            "INSERT INTO a SELECT set_config('app.user', '7', true)",
            StatementKind(writes=True, left=Leftover.UNTIL_THE_END),
        ),
        ("SELECT set_config('app.user', '7', false)", StatementKind(left=Leftover.SESSION)),
        ("SELECT set_config('app.user', '7', %(local)s)", StatementKind(left=Leftover.SESSION)),
        ("SELECT set_config('a', '7', true), set_config('b', '7', false)", StatementKind(left=Leftover.SESSION)),
        ("SET search_path = other", StatementKind(left=Leftover.SESSION)),
        ("SET ROLE other", StatementKind(left=Leftover.SESSION)),
        ("SET SESSION AUTHORIZATION other", StatementKind(left=Leftover.SESSION)),
        ("SELECT pg_advisory_lock(1)", StatementKind(left=Leftover.SESSION)),
        ("SELECT pg_advisory_xact_lock(1)", StatementKind()),
        ("CREATE TEMPORARY TABLE t (a int)", StatementKind(writes=True, left=Leftover.SESSION)),
        ("CREATE LOCAL TEMP TABLE t (a int)", StatementKind(writes=True, left=Leftover.SESSION)),
        ("LISTEN news", StatementKind(left=Leftover.SESSION)),
        ("PREPARE q AS SELECT 1", StatementKind(left=Leftover.SESSION)),
        ("PRAGMA foreign_keys = OFF", StatementKind(left=Leftover.SESSION)),
        ("PRAGMA foreign_keys(OFF)", StatementKind(left=Leftover.SESSION)),
        ("PRAGMA optimize", StatementKind(left=Leftover.SESSION)),
        ("ATTACH DATABASE 'x' AS y", StatementKind(left=Leftover.SESSION)),
        ("DO $$ BEGIN SET search_path = x; COMMIT; END $$", StatementKind(left=Leftover.SESSION)),
        ("CALL charge(7)", StatementKind(left=Leftover.SESSION)),
    ],
)
def test_what_a_statement_does(text: str, kind: StatementKind) -> None:
    assert classify(text) == kind


def test_texts_that_are_all_different_do_not_fill_the_memory() -> None:
    length = 500_000
    tracemalloc.start()
    try:
        for number in range(5 * MOST_CHARACTERS // length):
            assert kind_of(f"SELECT '{number:0{length}}'") == READS
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * MOST_CHARACTERS


def test_a_text_is_kept_however_long_it_is() -> None:
    text = f"INSERT INTO tasks (title) VALUES {', '.join(['(%s)'] * 10_000)}"
    assert kind_of(text) is kind_of(text)
