"""A worker in the shape of this system's first version, for a comparison in one run.

It runs one request at a time: pika's blocking connection with a prefetch of 1, the SQLAlchemy ORM on SQLite with
default settings, the token verified and the user loaded for each request, one commit for the task and a second one
for the idempotency row, then the reply and the ack. It serves create_task.

    python benchmarks/peers/seed_shape.py worker URL QUEUE DATABASE_FILE
    python benchmarks/peers/seed_shape.py token
    python benchmarks/peers/seed_shape.py versions

`worker` makes a new database, prints `ready` when it consumes from QUEUE, which must exist, and runs until it is
stopped. `token` prints a token that the worker accepts. It has no batches, confirms, retries or dead letters; a crash
between the two commits repeats the effect.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

import jwt
import pika
import sqlalchemy as sa
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties
from sqlalchemy import orm

import command

KEY = "x" * 32
USER_ID = 1


class Base(orm.DeclarativeBase):
    """The tables of the baseline."""


class User(Base):
    """A user, found by the token's subject."""

    __tablename__ = "users"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    email: orm.Mapped[str] = orm.mapped_column(unique=True)


class Task(Base):
    """A task, the effect of a request."""

    __tablename__ = "tasks"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    owner_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("users.id"))
    title: orm.Mapped[str]
    description: orm.Mapped[str]
    status: orm.Mapped[str] = orm.mapped_column(default="new")
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(default=lambda: datetime.datetime.now(datetime.UTC))


class ProcessedRequest(Base):
    """A stored response, by the request's id."""

    __tablename__ = "processed_requests"
    id: orm.Mapped[str] = orm.mapped_column(sa.String(64), primary_key=True)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(default=lambda: datetime.datetime.now(datetime.UTC))
    response_json: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)


def make_database(file: Path) -> orm.sessionmaker[orm.Session]:
    """Make a new database in the file, with one user, and return a factory of sessions."""
    file.unlink(missing_ok=True)
    engine = sa.create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    sessions = orm.sessionmaker(engine)
    with sessions.begin() as session:
        session.add(User(id=USER_ID, email="a@example.com"))
    return sessions


def create_task(session: orm.Session, request: dict[str, Any]) -> dict[str, Any]:
    """Create the task that the request asks for, then store the response, in two commits."""
    subject = jwt.decode(request["auth"], KEY, algorithms=["HS256"])["sub"]
    user = session.execute(sa.select(User).where(User.id == int(subject))).scalar_one()
    wanted = request["data"]
    task = Task(owner_id=user.id, title=wanted["title"], description=wanted["description"])
    session.add(task)
    session.commit()
    session.refresh(task)
    data = {"id": task.id, "title": task.title}
    response = {"correlation_id": request["id"], "status": "ok", "data": data, "error": None}
    session.add(ProcessedRequest(id=request["id"], response_json=response))
    session.commit()
    return response


def answer(sessions: orm.sessionmaker[orm.Session], body: bytes) -> dict[str, Any]:
    """Return the response to a request: the stored one if its id is known."""
    request = json.loads(body)
    with sessions() as session:
        known = session.get(ProcessedRequest, request["id"])
        return create_task(session, request) if known is None else known.response_json


def serve(amqp_url: str, queue: str, sessions: orm.sessionmaker[orm.Session]) -> None:
    """Answer the requests of the queue, one by one, until the process is stopped."""

    def on_request(channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        response = answer(sessions, body)
        reply = pika.BasicProperties(correlation_id=properties.correlation_id, delivery_mode=2)
        channel.basic_publish("", properties.reply_to or "", json.dumps(response).encode(), reply)
        channel.basic_ack(method.delivery_tag or 0)

    channel = pika.BlockingConnection(pika.URLParameters(amqp_url)).channel()
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(queue, on_request)
    command.ready()
    channel.start_consuming()


def main(arguments: list[str]) -> None:
    """Run the worker, print a token that it accepts, or print the versions of its libraries."""
    parser = argparse.ArgumentParser(description="a worker in the shape of the first version")
    commands = parser.add_subparsers(dest="command", required=True)
    working = commands.add_parser("worker", help="answer the requests of a queue")
    working.add_argument("url")
    working.add_argument("queue")
    working.add_argument("database_file", type=Path)
    commands.add_parser("token", help="print a token that the worker accepts")
    commands.add_parser("versions", help="print the versions of the libraries in use")
    options = parser.parse_args(arguments)
    if options.command == "token":
        print(jwt.encode({"sub": str(USER_ID)}, KEY, algorithm="HS256"))
    elif options.command == "versions":
        command.print_versions(["pika", "sqlalchemy", "pyjwt"])
    else:
        serve(options.url, options.queue, make_database(options.database_file))


if __name__ == "__main__":
    main(sys.argv[1:])
