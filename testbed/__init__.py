"""What tests, the fault suite and the benchmark share: real servers for a while, and what is done to them.

| module | holds |
|---|---|
| `postgres` | a private PostgreSQL server, or databases on a named one |
| `pgbouncer` | a private PgBouncer before it |
| `proxy`, `pipe` | a proxy before a server that delays, cuts or drops what goes through it |
| `alarm` | a memory alarm of a broker, for as long as a block lasts |
| `enrolling` | users of the Task Manager and their tokens, made without the broker |
| `waiting` | waiting for a fact instead of for a time; looking at processes |

A private RabbitMQ is `leveret.devbroker`: users of the framework need it too.
"""
