"""A private broker that evaluates Erlang expressions at once; each `rabbitmqctl` would start another program."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
import threading
from typing import Final

from leveret.devbroker import BrokerFailed, BrokerMissing, DevBroker

LIMIT: Final = 20_000
"""Milliseconds that the broker may take for an answer."""

EVALUATE: Final = """
Evaluate = fun(Line) ->
    {ok, Tokens, _} = erl_scan:string(Line),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    case rpc:call('%(node)s', erl_eval, exprs, [Expressions, []], %(limit)d) of
        {value, Value, _} -> io:format("ok ~0tp~n", [Value]);
        Failure -> io:format("failed ~0tp~n", [Failure])
    end
end,
Loop = fun(Again) ->
    case io:get_line("") of
        eof -> halt();
        Line -> Evaluate(Line), Again(Again)
    end
end,
Loop(Loop).
"""
"""Program of the second Erlang node: for each line of its input it writes one line, until its input ends."""


class Node(DevBroker):
    """A private RabbitMQ node, and a second Erlang node that sends expressions to it; `stop` ends both."""

    def __init__(self) -> None:
        super().__init__()
        self._evaluator: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End both nodes at once; do nothing if they are stopped already."""
        if self._evaluator is not None:
            self._evaluator.kill()
            self._evaluator.communicate()
            self._evaluator = None
        super().stop()

    def evaluate(self, expression: str) -> str:
        """Let the broker evaluate an Erlang expression, as `rabbitmqctl eval` does, and return the value as a text.

        Raises:
            BrokerMissing: there is no Erlang on this machine.
            BrokerFailed: the node does not run, or could not evaluate the expression.
        """
        with self._lock:
            evaluator = self._evaluator = self._evaluator or self._start_evaluator()
            assert evaluator.stdin  # noqa: S101 -- for the type checker: it is a pipe
            assert evaluator.stdout  # noqa: S101 -- for the same reason
            with contextlib.suppress(BrokenPipeError):
                evaluator.stdin.write(" ".join(expression.split()) + "\n")
                evaluator.stdin.flush()
            verdict, _, value = evaluator.stdout.readline().strip().partition(" ")
        if verdict != "ok":
            raise BrokerFailed(f"the broker did not evaluate {expression.strip()!r}: {value or 'no answer'}")
        return value

    def _start_evaluator(self) -> subprocess.Popen[str]:
        """Start the second node; it ends when its input ends, which is at the latest when this process ends."""
        program = shutil.which("erl")
        if program is None:
            raise BrokerMissing("the program erl is not found: RabbitMQ needs Erlang, install it as your system does")
        name = f"evaluator-{secrets.token_hex(6)}@localhost"
        loop = " ".join(EVALUATE.split()) % {"node": self.node_name, "limit": LIMIT}
        options = ["-noshell", "-hidden", "-sname", name, "+S", "1:1"]
        options += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-eval", loop]
        return subprocess.Popen(
            [program, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._programs.environment(self.folder, *self._identity),
            encoding="utf-8",
        )
