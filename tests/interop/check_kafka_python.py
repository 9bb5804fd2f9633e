"""kafka-python: pure Python, with its own codec. The newest one, and 2.0.2, which speaks the oldest versions in use."""
import subprocess
import sys

from harness import BUILD, HERE, register
from records import from_lines, same, sample, to_lines
from wire import CODECS, stored

HELPER = HERE / "clients" / "kafka_python_client.py"


def helper(ctx, old, *words, stdin=b""):
    path = [f"{BUILD / 'kafka-python-old'}"] if old else []
    done = subprocess.run([sys.executable, HELPER, *path, "--", ctx.address, *(str(w) for w in words)], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-500:].decode(errors="replace")
    return done.stdout


def roundtrip(codec, old, idempotent):
    def run_check(ctx):
        topic, records = ctx.topic_name(f"kafka-python-{codec}"), sample(seed=2, absent_headers=False)
        helper(ctx, old, "create", topic)
        helper(ctx, old, "produce", topic, codec, "idempotent" if idempotent else "plain", stdin=to_lines(records))
        same(records, from_lines(helper(ctx, old, "read", topic)))
        stored(ctx, topic, codec, idempotent)
    return run_check


# Codecs other than gzip need libraries that neither release brings along.
for name in ("none", "gzip"):
    register(f"kafka-python: codec {name}: a topic is created, all shapes of records come back equal",
             roundtrip(name, False, False), needs="kafka-python")
    register(f"kafka-python 2.0.2: codec {name}: a topic is created, records come back equal",
             roundtrip(name, True, False), needs="kafka-python-old")
register("kafka-python: an idempotent producer's records come back equal", roundtrip("gzip", False, True),
         needs="kafka-python")
for name in CODECS[2:]:
    register(f"kafka-python: codec {name}: all shapes of records come back equal", roundtrip(name, False, False),
             needs="kafka-python kafka-python-codecs")
