"""The registry of checks and what a check is given.

A check is a function of one Context that raises (assert, or any exception) when the broker is wrong, and `Skip` when
it cannot be tried:

    @check("kcat: headers come back in order", needs="kcat")
    def headers(ctx): ...

It is named as the claim it proves. `needs` names tools of install.py; without one of them the check is skipped and
says why. Checks with `alone=True` stop or kill the broker, and run last.
"""
import dataclasses
import itertools
import os
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


def run_all(ctx, only, verbose):
    """Runs the checks whose name holds `only`; prints a line each and returns (passed, failed, skipped)."""
    passed = failed = skipped = 0
    for item in sorted((c for c in CHECKS if only in c.name), key=lambda c: c.alone):
        began = time.monotonic()
        try:
            for tool in item.needs:
                if tool not in ctx.tools.have:
                    raise Skip(ctx.tools.why_not.get(tool, f"there is no {tool}"))
            item.run(ctx)
        except Skip as reason:
            skipped += 1
            print(f"skip {item.name}: {reason}", flush=True)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a check may fail in any way its client likes
            failed += 1
            print(f"FAIL {item.name} ({time.monotonic() - began:.1f} s): {type(error).__name__}: {error}", flush=True)
            if verbose:
                traceback.print_exc()
        else:
            passed += 1
            print(f"ok   {item.name} ({time.monotonic() - began:.1f} s)", flush=True)
    return passed, failed, skipped
