"""Records as all clients see them, the samples that are sent, and how two lists of them are compared."""
import base64
import dataclasses
import random
import time

import zlib


@dataclasses.dataclass(frozen=True)
class Record:
    key: bytes | None
    value: bytes | None
    headers: tuple = ()  # of (name, bytes or None)
    timestamp_ms: int | None = None  # None: the client stamps it


def sample(count=300, text_only=False, absent_headers=True, seed=1):
    """Records with every legal shape: absent and empty keys and values, repeated header names, an absent header value,
    bytes that are no text, some large ones. Timestamps are given, rise, and lie in the recent past.
    `text_only` keeps to what command lines can carry: no tabs, newlines, or absent header values; some clients have no
    way to say that a header value is absent (`absent_headers`)."""
    draw = random.Random(seed)
    now = int(time.time() * 1000) - 3_600_000
    letters = b"abcdefghijklmnopqrstuvwxyz 0123456789"
    def blob(most):
        size = draw.randrange(1, most)
        if text_only:
            return bytes(draw.choice(letters) for _ in range(size - 1)) + b"."
        return draw.randbytes(size // 4 + 1) * 4  # so that every codec finds something to do
    out = []
    for i in range(count):
        key = None if i % 11 == 3 else b"" if i % 13 == 5 and not text_only else b"key-%d" % (i % 17)
        value = None if i % 19 == 7 and key else b"" if i % 23 == 9 and not text_only else b"%d " % i + blob(400)
        if i == count // 2:
            value = b"large " + letters * 800
        headers = []
        if i % 5 == 0:
            headers = [("origin", b"interop"), ("step", b"%d" % i), ("origin", b"again")]
            if not text_only:
                headers += [("empty", b""), ("bytes", bytes(range(256)))] + [("absent", None)] * absent_headers
        out.append(Record(key, value, tuple(headers), now + i * 7))
    return out


def same(want, got, timestamps=True):
    """Raises at the first record that differs in place, key, value, headers or (asked for) timestamp."""
    for i, (a, b) in enumerate(zip(want, got)):
        for field in ("key", "value", "headers"):
            assert getattr(a, field) == getattr(b, field), \
                f"record {i}: {field} was {getattr(a, field)!r:.200}, came back {getattr(b, field)!r:.200}"
        if timestamps and a.timestamp_ms is not None:
            assert a.timestamp_ms == b.timestamp_ms, f"record {i}: time {a.timestamp_ms}, came back {b.timestamp_ms}"
    assert len(want) == len(got), f"{len(want)} records sent, {len(got)} came back"


def _out(data):
    return "-" if data is None else base64.b64encode(data).decode() or "="


def _in(text):
    return None if text == "-" else b"" if text == "=" else base64.b64decode(text)


def to_lines(records):
    """The form in which clients in other languages take and give records: key, value, milliseconds and headers (name
    and value each) apart by tabs; bytes in base64, "-" absent, "=" empty."""
    lines = []
    for r in records:
        fields = [_out(r.key), _out(r.value), "-" if r.timestamp_ms is None else str(r.timestamp_ms)]
        for name, value in r.headers:
            fields += [_out(name.encode()), _out(value)]
        lines.append("\t".join(fields))
    return ("\n".join(lines) + "\n").encode()


def from_lines(data):
    out = []
    for line in data.decode().splitlines():
        f = line.split("\t")
        headers = tuple((_in(f[i]).decode(), _in(f[i + 1])) for i in range(3, len(f), 2))
        out.append(Record(_in(f[0]), _in(f[1]), headers, None if f[2] == "-" else int(f[2])))
    return out


def partition_of(key, partitions):
    """A partition for a key, the same for every client here."""
    return zlib.crc32(key or b"") % partitions
