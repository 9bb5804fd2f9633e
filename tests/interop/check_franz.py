"""franz-go: a Go client that speaks the newest versions of every request. It produces; another client reads back."""
from check_kcat import read as kcat_read
from harness import BUILD, register, run
from records import same, sample, to_lines
from wire import CODECS, stored


def roundtrip(codec, idempotent):
    def run_check(ctx):
        topic = ctx.new_topic(f"franz-{codec}")
        records = sample(seed=5, text_only=True)
        run([BUILD / "franz-client", ctx.address, topic, codec, "idempotent" if idempotent else "plain"],
            stdin=to_lines(records))
        same(records, kcat_read(ctx, topic))
        stored(ctx, topic, codec, idempotent)
    return run_check


for name in CODECS:
    register(f"franz-go: codec {name}: kcat reads equal what was produced", roundtrip(name, name in ("none", "snappy")),
             needs="franz-go kcat")
