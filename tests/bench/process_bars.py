"""Bars about the process itself: how soon it serves, what it keeps in memory, how it comes back, how a large group settles."""
import contextlib
import struct
import time
from pathlib import Path

import clients
import contestants
import machine
from bar import A, Bar, Measured, R, Row, Run

GROUP_MEMBERS = 1000
CONNECTIONS = 10_000
PARTITIONS = 100
RECOVERY_BYTES = 1_000_000_000  # run.py's --recovery-gb


@contextlib.contextmanager
def server_of(name):
    server = contestants.start(name)
    try:
        yield server
    finally:
        server.end()


# S1: formatting, where it is a program of its own, is not counted.
def cold_start(row):
    def measure(name, _):
        broker = contestants.unstarted(name)
        began = time.monotonic()
        server = contestants.Server(name, broker)
        try:
            topic = server.new_topic()
            clients.load(server, topic, 60, warm_up=0, record_bytes=1024, batch_bytes=1100, requests=1)
            took = time.monotonic() - began
            return {row.name: Measured(took * 1000, machine.cpu_seconds(server.pid))}
        finally:
            server.end()
    return Run((row,), measure)


def memory(idle, connected):
    """M1: nothing was ever asked of it but its versions. M3: then connections that ask that once and stay."""
    def measure(name, _):
        with server_of(name) as server, contextlib.ExitStack() as open_ones:
            time.sleep(5)
            before, cpu_before = machine.rss_bytes(server.pid), machine.cpu_seconds(server.pid)
            for _ in range(CONNECTIONS):
                open_ones.enter_context(server.connect()).call(18, 0, b"")
            time.sleep(1)
            grown = machine.rss_bytes(server.pid) - before
            with server.connect() as c:  # it still serves
                c.call(18, 0, b"")
            return {idle.name: Measured(before / 2**20, cpu_before),
                    connected.name: Measured(grown / 1024 / CONNECTIONS, machine.cpu_seconds(server.pid) - cpu_before)}
    return Run((idle, connected), measure)


def ends(server, topic):
    """The end offset of each partition; None where there is no leader yet."""
    with server.connect() as c:
        return [c.end_offset(topic, p) for p in range(PARTITIONS)]


def filled_and_killed(server, durable=False):
    """A topic of RECOVERY_BYTES in PARTITIONS partitions, and its end offsets; the broker got no chance to say goodbye."""
    topic = server.new_topic(partitions=PARTITIONS, durable=durable)
    clients.fill(server, topic, RECOVERY_BYTES, connections=PARTITIONS, partitions=PARTITIONS, in_flight=1)
    time.sleep(1)
    before = ends(server, topic)
    server.broker.kill()
    return topic, before


def serving_again(server, topic, before):
    """Seconds until every partition tells its end, which must be what it was."""
    began = time.monotonic()
    server.broker.start()
    while None in (after := ends(server, topic)):
        if time.monotonic() - began > 300:
            raise AssertionError("not every partition has a leader after five minutes")
        time.sleep(.005)
    took = time.monotonic() - began
    if after != before:
        raise AssertionError(f"ends were {before}, are {after}")
    clients.load(server, topic, 5, warm_up=0, requests=1)  # and it takes records
    return took


def killed(default, relaxed):
    """Kafka is the same in both. Kalda has been syncing behind its answers in the first, and has synced nothing in the second."""
    def one(name, durable):
        with server_of(name) as server:
            took = serving_again(server, *filled_and_killed(server, durable))
            return Measured(took, machine.cpu_seconds(server.pid))

    def measure(name, _):
        if name == "kafka":
            both = one(name, False)
            return {default.name: both, relaxed.name: both}
        return {default.name: one(name, True), relaxed.name: one(name, False)}
    return Run((default, relaxed), measure)


def power_loss(row):
    """The data are on the disk, the page cache is empty, and the broker does not know how much of it was ever synced."""
    def measure(name, _):
        with server_of(name) as server:
            topic, before = filled_and_killed(server)
            if name == "kalda":
                boot_anew(Path(server.broker.log_dir))
            machine.drop_page_cache()
            machine.read_into_page_cache(contestants.program_files(name))
            took = serving_again(server, topic, before)
            scanned = machine.disk_bytes_read(server.pid)
            if scanned < RECOVERY_BYTES / 100:
                raise AssertionError(f"only {scanned} bytes of {RECOVERY_BYTES} were read: there was nothing to recover")
            return {row.name: Measured(took / (scanned / 1e9), machine.cpu_seconds(server.pid) / (scanned / 1e9))}
    return Run((row,), measure)


def boot_anew(log_dir):
    """Makes Kalda believe that the machine has booted since: another boot id in the head of its file of synced watermarks
    (broker/log/watermark_file.h). Kafka does not look at the boot."""
    file = log_dir / "kalda-synced-watermarks"
    data = bytearray(file.read_bytes())
    if data[:8] != b"KALDAWM\0":
        raise AssertionError(f"{file} is not what it was: see broker/log/watermark_file.h")
    data[24:60] = b"00000000-0000-4000-8000-000000000000"
    struct.pack_into(">I", data, 60, crc32c(data[:60]))
    file.write_bytes(data)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def group_settles(row):
    count = iter(range(1, 1_000_000))

    def measure(server, _):
        got = clients.group(server, f"bench-group-{next(count)}", GROUP_MEMBERS, 5)
        return {row.name: Measured(got["rebalance_ms"], got["broker_cpu_ms_per_rebalance"] / 1000, got)}
    return Run((row,), measure)


def bars():
    gigabytes = f"{RECOVERY_BYTES / 1e9:g} GB in {PARTITIONS} partitions"
    return [
        Bar("S1", (cold_start(Row("S1", "empty folder to first ack, topic creation included", "default", "ms", False, (A(100),),
                                  (A(20), R(1 / 100)), "s", "–")),), servers=False),
        Bar("M", (memory(Row("M1", "resident memory, idle, no topics", "default", "MiB", False, (A(24),), (A(6), R(1 / 50)), "s", "–"),
                         Row("M3", f"resident memory a connection, {CONNECTIONS:,} idle", "default", "KiB", False, (A(12),), (A(2),), "s", "–")),),
            servers=False),
        Bar("C1", (killed(Row("C1", f"kill -9 with {gigabytes} to serving", "default", "s", False, (A(3),), (A(.5), R(1 / 5)), "s", "–"),
                          Row("C1r", f"kill -9 with {gigabytes} to serving", "relaxed", "s", False, (A(3),), (A(.5), R(1 / 5)), "s", "–")),),
            servers=False),
        Bar("C2", (power_loss(Row("C2", f"power loss with {gigabytes}, cold, a GB read", "relaxed", "s/GB", False, (A(1.5),), (A(1.1),), client="–")),),
            servers=False),
        Bar("G1", (group_settles(Row("G1", f"classic group of {GROUP_MEMBERS:,}: last join to last sync", "default", "ms", False, (A(500),),
                                     (A(150), R(1 / 3)), "s", "bench_group")),)),
    ]
