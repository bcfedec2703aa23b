"""The fault suite: real clients send requests through a real broker, workers and database while faults are injected.

Afterwards code that shares nothing with ours reads what the broker and the database hold, and the ledger compares that
with what the clients sent: `faults.evidence`, `faults.ledger`.

A scene is an async function in a file of `faults/scenes/`, which `faults/scenes/__init__.py` imports::

    @scene("worker-killed", title="worker killed with -9", requests=20_000, strikes=20,
           short_requests=600, short_strikes=2)
    async def worker_killed(system: System, plan: Plan) -> None:
        async with system.workers(2) as workers, system.load(plan.requests, rate=400, until=plan.strikes) as load:
            while await load.goes_on(1.0):      # waits a second; False when the load has ended
                if await workers.kill():        # True if it hit a live worker, which is then replaced
                    system.struck()             # counts the strike, if a load runs

A scene starts workers and at least one load, strikes, counts each strike that really hit, and returns when the load has
ended. With `until`, the load continues until there were that many strikes, if necessary with more requests. The runner
does the rest: it waits until the queues are empty, reads the evidence, sends everything again and judges.

- `system.settings(RETRY_DELAY="100ms")`, called before the workers start, changes their settings.
- Requests that must fail: `system.load(..., make=lambda number, random: system.ordinary("ask", due="retries exhausted",
  simulate_temp_error=True))` with `simulate=True` in the decorator; or `system.due(id, "a text in the reason")` later.
- `system.load(..., url=proxy_url)` puts the clients behind a proxy, `system.settings(AMQP_URL=...)` the workers.
- `own_broker=True` is for a scene that breaks the broker, `database="postgresql"` for a private `system.postgres`.
- `load.errors` and `load.texts` hold the errors that clients received; `system.notes` takes figures for the report.
- A scene that finds something wrong raises an exception, and is red then.
"""
