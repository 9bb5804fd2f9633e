"""What a row of the table is, and how rows are measured: in rounds that take the contestants in turn (A-B-A-B).

A Row is one figure with its gate and goal. A Run is one way of measuring, which may fill several rows at once (throughput and
CPU). A Bar is the runs that share the brokers' processes, so that one warm JVM serves them all.
"""
import dataclasses
import os
import statistics
import subprocess
import sys
import time

import contestants
from machine import Unavailable


@dataclasses.dataclass(frozen=True)
class Bound:
    """Kalda's figure against `limit`, or its ratio to somebody's: versus is "kafka", "floor" or "" for the figure itself."""
    versus: str
    limit: float

    def holds(self, row, figures):
        """None when there is nothing to compare with."""
        if "kalda" not in figures or (self.versus and self.versus not in figures):
            return None
        figure = figures["kalda"] / (figures[self.versus] if self.versus else 1)
        return figure >= self.limit if row.more_is_better else figure <= self.limit

    def text(self, row):
        letter = {"kafka": "R", "floor": "F", "": ""}[self.versus]
        return f"{letter}{'≥' if row.more_is_better else '≤'}{self.limit:.3g}"


def R(limit):
    return Bound("kafka", limit)


def F(limit):
    return Bound("floor", limit)


def A(limit):
    return Bound("", limit)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    what: str
    mode: str  # "relaxed", "durable" or "default": what an acknowledgement means in both brokers
    unit: str
    more_is_better: bool
    gate: tuple = ()
    goal: tuple = ()
    cpu_unit: str = "s/GB"
    client: str = "bench_load"


@dataclasses.dataclass(frozen=True)
class Measured:
    value: float
    cpu: float  # of the broker, in the row's cpu_unit
    detail: dict = dataclasses.field(default_factory=dict)  # all that the client told, for --format json


@dataclasses.dataclass(frozen=True)
class Run:
    """`measure(server, seconds)` is {row name: Measured}; where the bar has no servers, it is given a contestant's name. What
    it cannot measure it must raise, never leave at zero."""
    rows: tuple
    measure: object
    floor: bool = False


@dataclasses.dataclass(frozen=True)
class Bar:
    name: str
    runs: tuple
    servers: bool = True  # False: each measurement starts and ends its own


@dataclasses.dataclass
class Result:
    row: Row
    samples: dict  # contestant: [Measured, ...]
    trouble: str = ""  # why there are no figures

    def figures(self):
        return {name: statistics.median(m.value for m in all_of_it) for name, all_of_it in self.samples.items()}

    def cpu(self):
        return {name: statistics.median(m.cpu for m in all_of_it) for name, all_of_it in self.samples.items()}

    def verdict(self, bounds):
        if self.trouble:
            return "FAILED"
        held = [b.holds(self.row, self.figures()) for b in bounds]
        if not held:
            return "–"
        return "miss" if False in held else "?" if None in held else "pass"


def measure(bar, wanted_rows, names, rounds, seconds, jvm_warm_up):
    """The results of those rows of the bar that are wanted."""
    runs = [run for run in bar.runs if any(row.name in wanted_rows for row in run.rows)]
    servers, results = {}, []
    try:
        for run in runs:
            print(f"{time.strftime('%H:%M:%S')} {' '.join(row.name for row in run.rows)}", file=sys.stderr, flush=True)
            taking_part = [name for name in names if name != "floor" or run.floor]
            rows = [Result(row, {name: [] for name in taking_part}) for row in run.rows]
            results += [r for r in rows if r.row.name in wanted_rows]
            try:
                for name in taking_part if bar.servers else ():
                    if name not in servers:
                        servers[name] = contestants.start(name)
                        if name == "kafka" and jvm_warm_up > 0:  # a compiler at work is not the broker's steady state
                            run.measure(servers[name], jvm_warm_up)
                for _ in range(rounds):
                    for name in taking_part:
                        # The floor is one thread that settles at once: a third of the time is enough for it.
                        got = run.measure(servers[name] if bar.servers else name, seconds / 3 if name == "floor" else seconds)
                        for result in rows:
                            result.samples[name].append(got[result.row.name])
                        os.sync()  # every round meets the same machine: nothing of the one before is on its way to the disk
            except (AssertionError, OSError, subprocess.SubprocessError, Unavailable, LookupError, ValueError) as error:
                for result in rows:
                    result.samples, result.trouble = {}, f"{type(error).__name__}: {error}"
                print(f"  FAILED: {error}", file=sys.stderr, flush=True)
                _end_the_dead(servers)
    finally:
        for server in servers.values():
            server.end()
    return results


def _end_the_dead(servers):
    """A broker that died is started anew for the next run; one that lives is kept."""
    for name, server in list(servers.items()):
        process = server.process if name == "floor" else server.broker.process
        if process is not None and process.poll() is not None:
            server.end()
            del servers[name]
