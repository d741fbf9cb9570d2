"""The result backend, under Celery itself: tasks run in a worker, their results come back through kv-server."""

from __future__ import annotations

import json
from typing import Any, Iterator, List

import pytest
from celery import Celery, chord, group, states
from celery.contrib.testing.worker import start_worker
from celery.exceptions import ChordError
from celery.exceptions import TimeoutError as CeleryTimeout

import kv_client.sync
from kv_client.contrib.celery import KvBackend
from support import DEADLINE, LiveServer, eventually

pytestmark = pytest.mark.filterwarnings("ignore")


def make_app(address: str, **settings: Any) -> Any:
    app = Celery("tests", broker="memory://", backend=f"kv_client.contrib.celery.KvBackend+kv://{address}")
    app.conf.update(result_expires=60, broker_transport_options={"polling_interval": 0.01}, **settings)

    @app.task(name="add")  # type: ignore[misc]
    def add(one: int, other: int) -> int:
        return one + other

    @app.task(name="total")  # type: ignore[misc]
    def total(numbers: List[int]) -> int:
        return sum(numbers)

    @app.task(name="fail")  # type: ignore[misc]
    def fail() -> None:
        raise ValueError("it fails")

    @app.task(name="celery.ping")  # type: ignore[misc]
    def ping() -> str:
        return "pong"

    return app


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """One that nobody else connects to."""
    with LiveServer() as live:
        yield live


@pytest.fixture(scope="module")
def app(server: LiveServer) -> Iterator[Any]:
    app = make_app(f"{server.address}/celery", kv_max_connections=3)
    with start_worker(app, perform_ping_check=False, pool="threads", concurrency=4, loglevel="ERROR"):
        yield app
    app.backend.client.close()


@pytest.fixture
def client(server: LiveServer) -> Iterator[kv_client.sync.KvClient]:
    with kv_client.sync.KvClient.connect(f"{server.address}/celery") as found:
        yield found


def test_the_url_chooses_the_backend(app: Any) -> None:
    assert isinstance(app.backend, KvBackend)
    assert app.backend.as_uri().startswith("kv://")


def test_users_have_passwords_that_are_not_shown() -> None:
    with LiveServer("--password", "s3cret") as live:
        app = make_app(f":s3cret@{live.address}/celery")
        app.backend.store_result("one", 1, states.SUCCESS)
        assert app.AsyncResult("one").result == 1
        assert "s3cret" not in app.backend.as_uri() + repr(app.backend) + repr(app.backend.client) + live.log
        app.backend.client.close()


def test_a_backend_can_be_sent_to_another_process(app: Any) -> None:
    make, arguments = app.backend.__reduce__()
    assert make(*arguments).url == app.backend.url


def test_a_result_comes_back_and_expires(app: Any, client: kv_client.sync.KvClient) -> None:
    result = app.tasks["add"].delay(2, 3)
    assert result.get(timeout=DEADLINE, interval=0.02) == 5 and result.state == states.SUCCESS
    name = f"celery-task-meta-{result.id}"
    stored = client.get(name)
    assert isinstance(stored, str) and json.loads(stored)["result"] == 5
    assert 50 < (client.ttl(name) or 0) <= 60
    result.forget()
    assert not client.exists(name)


def test_a_failure_comes_back_as_what_it_was(app: Any) -> None:
    result = app.tasks["fail"].delay()
    with pytest.raises(ValueError, match="it fails"):
        result.get(timeout=DEADLINE, interval=0.02)
    assert result.state == states.FAILURE and "ValueError" in result.traceback


def test_a_task_that_nobody_runs_is_pending(app: Any) -> None:
    result = app.AsyncResult("no-such-task")
    assert result.state == states.PENDING
    with pytest.raises(CeleryTimeout):
        result.get(timeout=0.1, interval=0.05)


def test_a_group_comes_back_in_its_order_and_can_be_restored(app: Any) -> None:
    add = app.tasks["add"]
    result = group(add.s(number, number) for number in range(10)).apply_async()
    assert result.get(timeout=DEADLINE, interval=0.02) == [2 * number for number in range(10)]
    result.save()
    restored = app.GroupResult.restore(result.id)
    assert [each.id for each in restored.results] == [each.id for each in result.results]
    restored.delete()
    assert app.GroupResult.restore(result.id) is None


def test_a_chord_runs_its_callback_once_all_are_done(app: Any, client: kv_client.sync.KvClient) -> None:
    add, total = app.tasks["add"], app.tasks["total"]
    results = [chord([add.s(number, 1) for number in range(8)], total.s())() for _ in range(3)]
    assert [result.get(timeout=DEADLINE, interval=0.02) for result in results] == [36] * 3
    eventually(lambda: not list(client.scan_iter("chord-unlock-*")), "the end of the chords' counters")


def test_a_chord_fails_where_one_of_its_tasks_does(app: Any) -> None:
    add, total, fail = app.tasks["add"], app.tasks["total"], app.tasks["fail"]
    result = chord([add.s(1, 1), fail.s()], total.s())()
    failure = result.get(timeout=DEADLINE, interval=0.02, propagate=False)
    assert isinstance(failure, ChordError) and "ValueError" in str(failure)


def test_a_count_of_a_chord_expires(app: Any, client: kv_client.sync.KvClient) -> None:
    assert app.backend.incr("chord-unlock-x") == 1
    app.backend.expire("chord-unlock-x", 30)
    assert 20 < (client.ttl("chord-unlock-x") or 0) <= 30
    client.delete("chord-unlock-x")


def test_all_threads_together_have_no_more_connections_than_they_may(
    app: Any, client: kv_client.sync.KvClient
) -> None:
    results = [app.tasks["add"].delay(number, 0) for number in range(12)]
    most = 0
    for number, result in enumerate(results):
        assert result.get(timeout=DEADLINE, interval=0.02) == number
        most = max(most, json.loads(client.info("clients"))["connected"])
    assert 1 < most <= 3 + 1, "the pool's, and the one that asks"
    assert app.backend.client.stats().max_size == 3


def test_a_group_may_be_larger_than_one_command_takes(app: Any, client: kv_client.sync.KvClient) -> None:
    client.set("celery-task-meta-last", "there")
    found = app.backend.mget(["celery-task-meta-none"] * 70_000 + ["celery-task-meta-last"])
    assert len(found) == 70_001 and found[-1] == "there" and not any(found[:-1])


def test_a_success_is_never_overwritten(app: Any) -> None:
    app.backend.store_result("twice", 1, states.SUCCESS)
    app.backend.store_result("twice", None, states.FAILURE)
    assert app.AsyncResult("twice").state == states.SUCCESS


def test_results_that_never_expire(server: LiveServer, client: kv_client.sync.KvClient) -> None:
    app = make_app(f"{server.address}/celery")
    app.conf.result_expires = None
    app.backend.store_result("for-ever", 1, states.SUCCESS)
    assert client.ttl("celery-task-meta-for-ever") == float("inf")
    app.backend.client.close()


def test_a_restarted_server_is_found_again() -> None:
    live = LiveServer().start()
    try:
        app = make_app(live.address, result_backend_always_retry=True)
        app.backend.store_result("one", 1, states.SUCCESS)
        live.stop(kill=True)
        live.start()
        app.backend.store_result("two", 2, states.SUCCESS)
        assert app.AsyncResult("two").result == 2
        app.backend.client.close()
    finally:
        live.stop()
