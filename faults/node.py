"""A private broker that answers the suite at once, where each `rabbitmqctl` would be one more program to start."""

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

ASK: Final = """
Evaluate = fun(Line) ->
    {ok, Tokens, _} = erl_scan:string(Line),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    case rpc:call('%(node)s', erl_eval, exprs, [Expressions, []], %(limit)d) of
        {value, Value, _} -> io:format("ok ~0tp~n", [Value]);
        Trouble -> io:format("failed ~0tp~n", [Trouble])
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
"""What the asking Erlang node does: one line in, one line out, until its input ends."""


class Node(DevBroker):
    """A private RabbitMQ node with an Erlang node beside it that asks it; both end with `stop`."""

    def __init__(self) -> None:
        super().__init__()
        self._asking: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def stop(self) -> None:
        """End both at once; nothing happens when they are stopped."""
        if self._asking is not None:
            self._asking.kill()
            self._asking.communicate()
            self._asking = None
        super().stop()

    def evaluate(self, expression: str) -> str:
        """Have the broker evaluate an Erlang expression, as `rabbitmqctl eval` does, and return its value as a text.

        Raises:
            BrokerMissing: there is no Erlang on this machine.
            BrokerFailed: the node does not run, or could not evaluate it.
        """
        with self._turn:
            asking = self._asking = self._asking or self._ask()
            assert asking.stdin  # noqa: S101 -- for the type checker: it is a pipe
            assert asking.stdout  # noqa: S101 -- likewise
            with contextlib.suppress(BrokenPipeError):
                asking.stdin.write(" ".join(expression.split()) + "\n")
                asking.stdin.flush()
            verdict, _, value = asking.stdout.readline().strip().partition(" ")
        if verdict != "ok":
            raise BrokerFailed(f"the broker did not evaluate {expression.strip()!r}: {value or 'no answer'}")
        return value

    def _ask(self) -> subprocess.Popen[str]:
        """Start the node that asks; it ends with its input, and so at the latest with this process."""
        program = shutil.which("erl")
        if program is None:
            raise BrokerMissing("the program erl is not found: RabbitMQ needs Erlang, install it as your system does")
        name = f"asking-{secrets.token_hex(6)}@localhost"
        loop = " ".join(ASK.split()) % {"node": self.node_name, "limit": LIMIT}
        options = ["-noshell", "-hidden", "-sname", name, "+S", "1:1"]
        options += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-eval", loop]
        return subprocess.Popen(
            [program, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._programs.environment(self.folder, self.node_name, self._ports),
            encoding="utf-8",
        )
