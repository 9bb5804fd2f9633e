"""kafkajs: the JavaScript client that most services still use. It produces; another client reads back."""
import dataclasses
import os

from check_kcat import read as kcat_read
from harness import BUILD, HERE, register, run
from records import same, sample, to_lines
from wire import stored


def roundtrip(codec):
    def run_check(ctx):
        topic = ctx.topic_name(f"kafkajs-{codec}")
        # It keeps the values of one header name together, so they are sent together.
        records = [dataclasses.replace(r, headers=tuple(sorted(r.headers))) for r in sample(seed=4, text_only=True)]
        run(["node", HERE / "clients" / "js" / "client.js", ctx.address, topic, codec], stdin=to_lines(records),
            env=os.environ | {"NODE_PATH": str(BUILD / "js" / "node_modules"), "KAFKAJS_NO_PARTITIONER_WARNING": "1"})
        same(records, kcat_read(ctx, topic))
        stored(ctx, topic, codec)
    return run_check


for name in ("none", "gzip"):
    register(f"kafkajs: codec {name}: a topic is created, kcat reads equal what was produced", roundtrip(name),
             needs="kafkajs kcat")
