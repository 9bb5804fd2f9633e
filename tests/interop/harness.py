"""The registry of checks and what a check is given.

A check is a function of one Context that raises (assert, or any exception) when the broker is wrong, and `Skip` when
it cannot be tried:

    @check("kcat: headers come back in order", needs="kcat")
    def headers(ctx): ...

It is named as the claim it proves. `needs` names tools of install.py; without one of them the check is skipped and
says why. Several run at once, each on a broker that no other check uses meanwhile; those with `alone=True` stop or kill it
and take long, and begin first.
"""
import collections
import dataclasses
import itertools
import multiprocessing
import os
import queue
import subprocess
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "interop"


class Skip(Exception):
    """The check cannot be tried here; the text says why."""


@dataclasses.dataclass
class Check:
    name: str
    run: object
    needs: tuple
    alone: bool


CHECKS = []


def check(name, needs="", alone=False):
    def register(function):
        CHECKS.append(Check(name, function, tuple(needs.split()), alone))
        return function
    return register


def register(name, function, needs="", alone=False):
    """`check` for a family of claims made in a loop."""
    CHECKS.append(Check(name, function, tuple(needs.split()), alone))


class Context:
    """The broker under test, the tools at hand, and a folder of its own."""

    def __init__(self, broker, tools, work, program):
        self.broker, self.tools, self.work, self.program = broker, tools, Path(work), Path(program)
        self.run_id = f"{os.getpid():x}{int(time.time()) & 0xffff:x}"
        self.names = itertools.count(1)
        self.topics = 0  # names given so far

    @property
    def address(self):
        return self.broker.address

    @property
    def host_port(self):
        host, _, port = self.address.rpartition(":")
        return host, int(port)

    def topic_name(self, hint):
        self.topics = number = next(self.names)  # by several threads at once
        return f"{hint}-{self.run_id}-{number}"

    def new_topic(self, hint, partitions=1, **config):
        """Creates a topic by hand-made bytes, so that no client's creation is needed by another's check."""
        import wire
        name = self.topic_name(hint)
        with wire.Connection(*self.host_port) as connection:
            connection.create_topic(name, partitions, {k.replace("_", "."): str(v) for k, v in config.items()})
        return name

    def file(self, name):
        return self.work / f"{self.topics}-{name}"


def run(command, stdin=None, timeout=90, cwd=None, env=None):
    """Runs a program to its end and returns its output; its error text is the exception when it fails."""
    done = subprocess.run([str(word) for word in command], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, cwd=cwd, env=env, check=False)
    if done.returncode != 0:
        tail = (done.stderr or done.stdout)[-600:].decode(errors="replace")
        raise AssertionError(f"{Path(str(command[0])).name} exited {done.returncode}: {tail}")
    return done.stdout


def _one(ctx, item, verbose):
    """Runs a check; ("ok" | "skip" | "FAIL", its line)."""
    began = time.monotonic()
    try:
        for tool in item.needs:
            if tool not in ctx.tools.have:
                raise Skip(ctx.tools.why_not.get(tool, f"there is no {tool}"))
        item.run(ctx)
    except Skip as reason:
        return "skip", f"skip {item.name}: {reason}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a check may fail in any way its client likes
        if verbose:
            traceback.print_exc()
        return "FAIL", f"FAIL {item.name} ({time.monotonic() - began:.1f} s): {type(error).__name__}: {error}"
    return "ok", f"ok   {item.name} ({time.monotonic() - began:.1f} s)"


def _work(make_context, number, items, waiting, done, verbose):
    """A process with a broker of its own: takes one check after the other until there are none left."""
    broker = None
    try:
        ctx = make_context(number)
        broker = ctx.broker
        broker.start()
        done.put(("", f"against {broker.version()}"))
        while (at := waiting.get()) is not None:
            done.put(_one(ctx, items[at], verbose))
    except KeyboardInterrupt:
        pass
    except BaseException as error:  # a broker that does not start
        done.put(("FAIL", f"FAIL start: {error}"))
    finally:
        try:
            if broker:
                broker.stop()
        except AssertionError as error:
            done.put(("FAIL", f"FAIL stop: {error}"))


def run_all(make_context, only, verbose, workers):
    """Runs the checks whose name holds `only`, several at once, each worker on the broker of its own context; prints a
    line each and returns (passed, failed, skipped)."""
    # The long ones first, so that no worker ends much later than the others.
    items = sorted((c for c in CHECKS if only in c.name), key=lambda c: not c.alone)
    fork = multiprocessing.get_context("fork")
    waiting, done = fork.Queue(), fork.Queue()
    workers = max(1, min(workers, len(items)))
    for at in [*range(len(items)), *[None] * workers]:
        waiting.put(at)
    running = [fork.Process(target=_work, args=(make_context, i, items, waiting, done, verbose)) for i in range(workers)]
    counts = collections.Counter()
    for process in running:
        process.start()
    while True:
        ended = not any(process.is_alive() for process in running)
        try:
            verdict, line = done.get(timeout=0.2)
        except queue.Empty:
            if ended:
                break
            continue
        counts[verdict] += 1
        print(line, flush=True)
    never_said = len(items) - counts["ok"] - counts["skip"] - counts["FAIL"]
    if never_said > 0:
        counts["FAIL"] += never_said
        print(f"FAIL {never_said} checks were never run: a worker ended early", flush=True)
    return counts["ok"], counts["FAIL"], counts["skip"]
