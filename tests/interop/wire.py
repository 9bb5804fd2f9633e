"""A few Kafka requests made by hand: enough to create a topic and to see the batches as they lie in the log, which no
client shows (the stored codec, the producer id, the timestamp type)."""
import dataclasses
import socket
import struct
import time

END_TXN = 26
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@dataclasses.dataclass
class Batch:
    base_offset: int
    codec: str
    log_append_time: bool
    transactional: bool
    producer_id: int
    base_sequence: int
    count: int
    max_timestamp: int
    raw: bytes

    @property
    def size(self):
        return len(self.raw)


def _string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


class Connection:
    def __init__(self, host, port, timeout=20):
        self.socket = socket.create_connection((host, port), timeout)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _exactly(self, size):
        parts = []
        while size:
            part = self.socket.recv(size)
            if not part:
                raise AssertionError("the broker closed the connection")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def call(self, api, version, body):
        """One request with a version 1 header; returns the answer after its correlation id."""
        self.correlation += 1
        head = struct.pack(">hhi", api, version, self.correlation) + _string("interop")
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        answer = self._exactly(struct.unpack(">i", self._exactly(4))[0])
        got = struct.unpack(">i", answer[:4])[0]
        assert got == self.correlation, f"answer to request {got} where {self.correlation} was due"
        return answer[4:]

    def served(self):
        """ApiVersions 0: the keys of all APIs that the broker serves."""
        answer = self.call(18, 0, b"")
        error, count = struct.unpack_from(">hi", answer)
        assert error == 0, f"ApiVersions: error {error}"
        return {struct.unpack_from(">h", answer, 6 + 6 * at)[0] for at in range(count)}

    def create_topic(self, name, partitions=1, config=None):
        """CreateTopics 4, and waits until the partitions have leaders."""
        body = struct.pack(">i", 1) + _string(name) + struct.pack(">ihi", partitions, 1, 0)
        body += struct.pack(">i", len(config or {}))
        for key, value in (config or {}).items():
            body += _string(key) + _string(value)
        body += struct.pack(">ib", 15_000, 0)
        answer = self.call(19, 4, body)
        at = 8  # throttle time, array length
        at += 2 + struct.unpack_from(">h", answer, at)[0]
        error = struct.unpack_from(">h", answer, at)[0]
        assert error == 0, f"CreateTopics {name}: error {error}"
        for _ in range(200):
            if all(self.end_offset(name, p) is not None for p in range(partitions)):
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} has no leader after 10 s")

    def delete_topic(self, name):
        """DeleteTopics 1."""
        answer = self.call(20, 1, struct.pack(">i", 1) + _string(name) + struct.pack(">i", 15_000))
        error = struct.unpack(">h", answer[-2:])[0]
        assert error == 0, f"DeleteTopics {name}: error {error}"

    def end_offset(self, topic, partition, timestamp=-1):
        """ListOffsets 1; None while the partition has no leader."""
        body = struct.pack(">ii", -1, 1) + _string(topic) + struct.pack(">iiq", 1, partition, timestamp)
        answer = self.call(2, 1, body)
        at = 4 + 2 + len(topic.encode()) + 4 + 4
        error, _, offset = struct.unpack_from(">hqq", answer, at)
        if error in (3, 5, 6):  # unknown topic, no leader, not leader: not yet
            return None
        assert error == 0, f"ListOffsets {topic}-{partition}: error {error}"
        return offset

    def fetch(self, topic, partition, offset, bytes_max=8 << 20):
        """Fetch 4: the raw batches at `offset`."""
        body = struct.pack(">iiiib", -1, 500, 1, bytes_max, 0)
        body += struct.pack(">i", 1) + _string(topic) + struct.pack(">iiqi", 1, partition, offset, bytes_max)
        answer = self.call(1, 4, body)
        at = 4 + 4 + 2 + len(topic.encode()) + 4 + 4
        error, _, _, aborted = struct.unpack_from(">hqqi", answer, at)
        assert error == 0, f"Fetch {topic}-{partition} at {offset}: error {error}"
        at += 22 + max(aborted, 0) * 16
        size = struct.unpack_from(">i", answer, at)[0]
        assert size >= 0, "Fetch answered null records"
        return answer[at + 4:at + 4 + size]

    def batches(self, topic, partition=0):
        """Every batch of a partition."""
        out, offset, end = [], self.end_offset(topic, partition, -2), self.end_offset(topic, partition)
        while offset < end:
            data, at, before = self.fetch(topic, partition, offset), 0, offset
            while at + 61 <= len(data):
                base, length = struct.unpack_from(">qi", data, at)
                if at + 12 + length > len(data):
                    break
                attributes, last_delta = struct.unpack_from(">hi", data, at + 21)
                max_timestamp, producer_id, _, sequence, count = struct.unpack_from(">qqhii", data, at + 35)
                out.append(Batch(base, CODECS[attributes & 7], bool(attributes & 8), bool(attributes & 16), producer_id,
                                 sequence, count, max_timestamp, data[at:at + 12 + length]))
                offset = base + last_delta + 1
                at += 12 + length
            assert offset > before, f"no progress at offset {offset} of {topic}-{partition}"
        return out


def stored(ctx, topic, codec=None, idempotent=None, partition=0):
    """Raises unless the stored batches have the codec (and come from an idempotent producer, or not). Clients store a
    small batch plain when the codec does not make it smaller."""
    with Connection(*ctx.host_port) as connection:
        batches = connection.batches(topic, partition)
    assert batches, f"{topic} holds nothing"
    if codec is not None:
        found = {b.codec for b in batches if b.codec != "none" or b.size > 2000}
        assert found == {codec} or codec == "none" and not found, f"stored as {sorted(found)}, not {codec}"
    if idempotent is not None:
        assert all((b.producer_id >= 0) == idempotent for b in batches), f"producer ids {[b.producer_id for b in batches]}"
    return batches
