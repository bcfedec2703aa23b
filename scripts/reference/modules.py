"""What the reference describes: the modules that users of the framework import from, and types that they meet."""

MODULES = (
    "leveret",
    "leveret.errors",
    "leveret.api",
    "leveret.client",
    "leveret.testing",
    "leveret.settings",
    "leveret.sql",
    "leveret.sql.schema",
    "leveret.observe",
    "leveret.observe.traces",
    "leveret.observe.traces.call_tracer",
    "leveret.outcome",
)
"""In the order of their pages. A name that several of them offer is described under the first."""

TYPES = {
    "Addresses": "leveret.amqp",
    "Attempt": "leveret.wire.attempts",
    "Clock": "leveret.process.clock",
    "Command": "leveret.cli.command",
    "Death": "leveret.letters.letter",
    "Delivery": "leveret.amqp",
    "Forgetting": "leveret.application.application",
    "KeySet": "leveret.auth.keys",
    "Letter": "leveret.letters.letter",
    "LetterBody": "leveret.wire.letter",
    "LetterEdit": "leveret.wire.letter",
    "OnLost": "leveret.client.transport",
    "Pooler": "leveret.sql.pooling",
    "Properties": "leveret.amqp",
    "Queue": "leveret.topology",
    "Reply": "leveret.wire.envelope",
    "Request": "leveret.wire.envelope",
    "Ticket": "leveret.auth.keyring",
    "TokenIdentity": "leveret.auth.keyring",
}
"""Types in the signatures of public names, and where they are imported from. They have a page of their own."""

INNER = frozenset(
    {
        "Address",
        "AnyChannel",
        "Application",
        "BrokerUser",
        "Cancellable",
        "Connect",
        "Connection",
        "FieldTable",
        "FileUse",
        "Found",
        "Hooks",
        "Input",
        "Lease",
        "Lifespan",
        "Names",
        "Program",
        "Redriver",
        "Runner",
        "SigningKey",
        "Setup",
        "Surroundings",
        "Transaction",
        "WorkerState",
    }
)
"""Types in public signatures that only the framework itself gives or takes. They are not described."""

TYPES_PAGE = "types"
