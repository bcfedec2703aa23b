"""Private servers, and tools that act on them, for the tests, the fault suite and the benchmark.

| module | holds |
|---|---|
| `postgres` | a private PostgreSQL server, and databases on it or on a given server |
| `pgbouncer` | a private PgBouncer in front of a database |
| `proxy`, `pipe` | a proxy in front of a server that delays, cuts or holds back what goes through it |
| `alarm` | a memory alarm of a broker, while a block runs |
| `enrolling` | users of the Task Manager and their tokens, made without the broker |
| `waiting` | waiting for a condition instead of some time; looking at processes |

A private RabbitMQ is in `leveret.devbroker`, because users of the framework need it too.
"""
