"""What the machine says of a process and of itself. Where something is not permitted here, Unavailable says so."""
import os
import statistics
import subprocess
import time
from pathlib import Path


class Unavailable(Exception):
    """This cannot be measured here; the text says why."""


def cpu_seconds(pid):
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    line = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def disk_bytes_read(pid):
    """What the disk had to be asked for, by whatever system call or mapping: nothing that was in the page cache."""
    line = next(l for l in Path(f"/proc/{pid}/io").read_text().splitlines() if l.startswith("read_bytes"))
    return int(line.split()[1])


def drop_page_cache():
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("1")
    except OSError as error:
        raise Unavailable(f"the page cache cannot be emptied: {error}") from None


def read_into_page_cache(files):
    for file in files:
        subprocess.run(["cat", str(file)], stdout=subprocess.DEVNULL, check=True)


def sync_us(folder, seconds):
    """Median microseconds of one stream that appends 1 KiB and waits for the disk: what no durable broker goes below."""
    path, took = Path(folder) / "sync-probe", []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            os.write(file, b"x" * 1100)
            os.fdatasync(file)
            took.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(took)


def says():
    """One line for the head of a table."""
    model = next((l.split(":")[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")), "?")
    return f"{os.cpu_count()} CPUs ({model}), load {os.getloadavg()[0]:.1f}"
