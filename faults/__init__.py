"""The fault suite: requests of real clients through a real broker, workers and database, while a fault is injected.

An independent reader then compares what clients sent, what the broker holds and what the database has: `faults.ledger`.

A scene is an async function in a file of `faults/scenes/`, which `faults/scenes/__init__.py` imports::

    @scene("worker-killed", title="worker killed with -9", requests=20_000, strikes=20,
           short_requests=600, short_strikes=2)
    async def worker_killed(stage: Stage, plan: Plan) -> None:
        async with stage.crew(2) as crew, stage.load(plan.requests, rate=400, until=plan.strikes) as load:
            while await load.goes_on(1.0):      # a second of load, False when it has ended
                if await crew.kill():           # a live worker was hit; the crew replaces it
                    stage.struck()              # counts while a load is under way

The scene starts a crew and at least one load, strikes, counts each strike that really hit, and returns when the load
has ended; with `until` the load goes on until there were so many strikes, if need be with more requests. The runner
does the rest: it waits until the queues are empty, takes the evidence, asks everything again and judges.

- `stage.settings(RETRY_DELAY="100ms")` before the crew starts changes the workers' settings.
- Requests that must fail: `stage.load(..., make=lambda number, random: stage.ordinary("ask", due="retries exhausted",
  simulate_temp_error=True))` with `simulate=True` in the decorator; or `stage.due(id, "a text in the reason")` later.
- `stage.load(..., url=proxy_url)` puts clients behind a proxy, `stage.settings(AMQP_URL=...)` workers.
- `own_broker=True` for a scene that breaks the broker, `database="postgresql"` for a private `stage.postgres`.
- `load.errors` and `load.texts` hold what clients were told; `stage.notes` takes further figures for the report.
- A scene that finds something wrong raises: it is red then.
"""
