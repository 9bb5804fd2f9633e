"""Brokers under test: started, stopped, killed and started again on the same data."""
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(host, port, seconds, process=None, pause=0.02):
    """Waits until the broker answers ApiVersions, asking every `pause` seconds; the seconds it took."""
    import wire
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the broker exited with {process.returncode}")
        try:
            with wire.Connection(host, port, timeout=5) as connection:
                connection.call(18, 0, b"")
                return time.monotonic() - began
        except (OSError, AssertionError):
            time.sleep(pause)
    raise AssertionError(f"no broker answers at {host}:{port} after {seconds} s")


class External:
    """Somebody else's broker: it is only talked to."""
    own, log_dir = False, None

    def __init__(self, address):
        self.address = address

    def start(self):
        host, _, port = self.address.rpartition(":")
        answers(host, int(port), 10)

    def stop(self):
        pass

    def version(self):
        return f"the broker at {self.address}"


class Local:
    """A broker that is a child process with its data under `folder`."""
    own, pause = True, 0.02

    def __init__(self, folder):
        self.folder = Path(folder)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log_dir = self.folder / "logs"
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def command(self):
        raise NotImplementedError

    def start(self):
        output = open(self.folder / "output.log", "ab")
        self.process = subprocess.Popen([str(w) for w in self.command()], stdin=subprocess.DEVNULL, stdout=output,
                                        stderr=subprocess.STDOUT, cwd=self.folder)
        output.close()
        try:
            return answers("127.0.0.1", self.port, 60, self.process, self.pause)
        except AssertionError as error:
            tail = (self.folder / "output.log").read_bytes()[-600:].decode(errors="replace")
            raise AssertionError(f"{error}; its last words: {tail}") from None

    def _end(self, signal_number, seconds):
        if self.process is None:
            return
        self.process.send_signal(signal_number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise AssertionError(f"the broker did not stop within {seconds} s") from None
        self.process = None

    def stop(self):
        self._end(signal.SIGTERM, 30)

    def kill(self):
        self._end(signal.SIGKILL, 10)


class Kalda(Local):
    """Ours, with two shards whatever the machine has: the way between shards is what clients must not notice."""

    def __init__(self, folder, program):
        super().__init__(folder)
        self.program = Path(program).resolve()

    def command(self):
        return [self.program, "serve", "--set", f"listeners=PLAINTEXT://{self.address}",
                "--set", f"log.dirs={self.log_dir}", "--set", "kalda.admin.port=0", "--set", "kalda.shards=2"]

    def version(self):
        return f"kalda at {self.address}"


class Command(Local):
    """Any command line; {port} and {dir} in it are replaced."""

    def __init__(self, folder, line):
        super().__init__(folder)
        self.line = line

    def command(self):
        return ["sh", "-c", "exec " + self.line.format(port=self.port, dir=self.log_dir)]

    def version(self):
        return f"`{self.line}` at {self.address}"


class Apache(Local):
    """Apache Kafka from Maven's jars: one process that is broker and controller, with its own defaults."""

    def __init__(self, folder, libs, release, settings=None):
        super().__init__(folder)
        self.libs, self.release = libs, release
        controller = free_port()
        properties = {
            "process.roles": "broker,controller", "node.id": "1",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER", "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self.log_dir), "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1",
        } | (settings or {})
        self.properties = self.folder / "server.properties"
        self.properties.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        subprocess.run(["java", "-cp", f"{libs}/*", "kafka.tools.StorageTool", "format", "-t", "aW50ZXJvcGludGVyb3AtLQ",
                        "-c", str(self.properties)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self):
        # Heap and collector as Kafka's own start script sets them.
        return ["java", "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
                "-cp", f"{self.libs}/*", "kafka.Kafka", self.properties]

    def version(self):
        return f"Apache Kafka {self.release} at {self.address}"
