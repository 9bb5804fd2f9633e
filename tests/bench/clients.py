"""The programs that load a broker. Each function runs one to its end and returns what it measured; a program that fails, or
says nothing, raises."""
import contextlib
import json
import re
import statistics
import subprocess
import time

import contestants
from install import BUILD, kafka_tools_libs
from machine import cpu_seconds

# What one measurement may write: more would be measured against the system throttling who writes, not against the broker.
BYTES_MAX = 4_000_000_000


def run(words, seconds):
    """Standard output of a program that should take about `seconds`."""
    words = [str(w) for w in words]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds + 120, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise AssertionError(f"{' '.join(words)[:300]} exited {done.returncode}: {said}")
    return done.stdout


@contextlib.contextmanager
def topic(server, **options):
    """A new topic, gone with its files after the measurement."""
    name = server.new_topic(**options)
    try:
        yield name
    except BaseException:
        with contextlib.suppress(OSError, AssertionError):  # what went wrong first is what is told
            server.drop_topic(name)
        raise
    server.drop_topic(name)
    time.sleep(.3)


def load(server, topic_name, seconds, **options):
    """tests/bench/load.cc; options as its own, with _ for -."""
    words = [contestants.PROGRAMS / "bench_load", "--port", server.port, "--topic", topic_name, "--pid", server.pid, "--seconds", seconds]
    for key, value in {"warm_up": min(1, seconds / 4), **options}.items():
        words += ["--" + key.replace("_", "-"), value]
    return json.loads(run(words, seconds))


def fill(server, topic_name, bytes_wanted, **options):
    """1 KiB records in 64 KiB batches until there are so many bytes."""
    load(server, topic_name, 300, warm_up=0, bytes_max=bytes_wanted, record_bytes=1024, batch_bytes=65536,
         **{"in_flight": 5, **options})


def group(server, name, members, rebalances):
    return json.loads(run([contestants.PROGRAMS / "bench_group", "--port", server.port, "--group", name, "--members", members,
                           "--rebalances", rebalances, "--pid", server.pid], 120))


class Foreign:
    """What a foreign client can do; each method returns a figure, and how many records the broker handled for it in all."""

    def produce(self, server, topic_name, seconds, record_bytes, batch_bytes):
        raise NotImplementedError

    def consume(self, server, topic_name, seconds):
        raise NotImplementedError

    def latency(self, server, topic_name, seconds, record_bytes):
        raise NotImplementedError


class Librdkafka(Foreign):
    def _json(self, server, mode, topic_name, seconds, *more):
        return json.loads(run([contestants.PROGRAMS / "bench_rdkafka", mode, server.address, topic_name, seconds, *more], seconds))

    def produce(self, server, topic_name, seconds, record_bytes, batch_bytes):
        got = self._json(server, "produce", topic_name, seconds, record_bytes, batch_bytes)
        return got["records_per_s"], server.end_offset(topic_name)

    def consume(self, server, topic_name, seconds):
        got = self._json(server, "consume", topic_name, seconds)
        return got["records_per_s"], got["all_records"]

    def latency(self, server, topic_name, seconds, record_bytes):
        return self._json(server, "latency", topic_name, seconds, record_bytes, 1000)["p50_us"], server.end_offset(topic_name)


class Franz(Librdkafka):
    def _json(self, server, mode, topic_name, seconds, *more):
        return json.loads(run([BUILD / "franz-bench", server.address, mode, topic_name, seconds, *more], seconds))


class Java(Foreign):
    """Kafka's own performance tools, on a JVM that starts with each measurement; its first second is not counted."""

    @staticmethod
    def _command(tool, *words):
        return [str(w) for w in ("java", "-Xmx512m", "-cp", f"{kafka_tools_libs()}/*", f"org.apache.kafka.tools.{tool}", *words)]

    def produce(self, server, topic_name, seconds, record_bytes, batch_bytes):
        """Records a second, from what the tool reports every half second until it is stopped."""
        command = self._command("ProducerPerformance", "--topic", topic_name, "--num-records", 10**9, "--record-size", record_bytes,
                                "--throughput", -1, "--reporting-interval", 500, "--bootstrap-server", server.address,
                                "--command-property", "acks=1", f"batch.size={batch_bytes}", "linger.ms=5", "enable.idempotence=false",
                                "buffer.memory=67108864")
        tool = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            tool.wait(seconds + 2)
        except subprocess.TimeoutExpired:
            pass
        ended_itself = tool.poll()
        tool.kill()
        said = tool.communicate()[0]
        rates = [float(r) for r in re.findall(r"records sent, ([0-9.]+) records/sec", said)][2:]
        if ended_itself is not None or "Exception" in said or "ERROR" in said or not rates:
            raise AssertionError(f"ProducerPerformance ended with {ended_itself}: {said[-300:]}")
        return statistics.mean(rates), server.end_offset(topic_name)

    def consume(self, server, topic_name, seconds):
        records = server.end_offset(topic_name)
        said = run(self._command("ConsumerPerformance", "--bootstrap-server", server.address, "--topic", topic_name, "--num-records",
                                 records, "--timeout", 20_000), seconds)
        names, values = ([cell.strip() for cell in line.split(",")] for line in said.splitlines()[-2:])
        row = dict(zip(names, values))
        got = int(next(v for k, v in row.items() if "nMsg" in k and "ec" not in k.split("nMsg")[1]))
        if got < records:
            raise AssertionError(f"ConsumerPerformance read {got} of {records} records")
        return float(row["fetch.nMsg.sec"]), got

    def latency(self, server, topic_name, seconds, record_bytes):
        """Microseconds on average: the tool knows percentiles to the millisecond only. One record at a time."""
        said = run(self._command("EndToEndLatency", server.address, topic_name, int(1000 * seconds), 1, record_bytes), seconds)
        return float(re.search(r"Avg latency: ([0-9.]+) ms", said).group(1)) * 1000, server.end_offset(topic_name)


def watched(server, work):
    """Runs `work`; its result, broker CPU seconds meanwhile, and how long it took."""
    cpu, began = cpu_seconds(server.pid), time.monotonic()
    result = work()
    return result, cpu_seconds(server.pid) - cpu, time.monotonic() - began
