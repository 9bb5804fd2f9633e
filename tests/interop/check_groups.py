"""Groups of other people's clients, alone and together, eager, cooperative and static, over real input (the Debian package
index) while it is being written. A member is killed, the broker is killed, both come back. Every record is read at least
once by each group, no acknowledged commit is forgotten, none is beyond what was read."""
from check_packages import package_index
from groups import Group, until
from harness import Skip, register
from members import CLIENTS, Writer, native

PARTITIONS = 6


def killed_and_back(ctx, groups, starts, per_second):
    """`starts` names the members of each group and how each is started; the first of them is the one that is killed."""
    victim, topic, pairs = next(iter(starts)), groups[0].topic, [tuple(line.split(b"\t", 1)) for line in package_index()]
    writer = None
    try:
        for group in groups:
            for name, how in starts.items():
                group.start(name, how)
        until("all have joined", groups, lambda: all(g.shares() for g in groups))
        writer = Writer(ctx.address, topic, pairs, per_second)
        until("all have read", groups, lambda: all(m.lines()[0] for g in groups for m in g.members.values()))
        homes = {g.name: g.by_instance() for g in groups}
        for group in groups:
            group.kill(victim)
        acknowledged = {g.name: g.acknowledged() for g in groups}
        if ctx.broker.own:
            ctx.broker.kill()
            ctx.broker.start()
        for group in groups:
            group.commits_are_there(acknowledged[group.name])
            group.commits_are_read()
            group.start(victim, starts[victim])
        until("all is written", groups, writer.done, 120)
        assert not writer.failed, writer.failed[0]
        until("all is read", groups, lambda: all(len(g.read()) >= len(pairs) for g in groups), 90)
        for group in groups:
            assert group.read() == writer.at, f"{group.name} has read what was not written"
        until("all is committed", groups, lambda: all(
            committed == end for g in groups for committed, end in g.committed().values()))
        until("the one that was killed reads again", groups, lambda: all(0 not in (g.shares() or [0]) for g in groups))
        for group in groups:
            group.commits_are_there(group.acknowledged())
            if group.static:
                assert group.by_instance() == homes[group.name], f"{homes[group.name]} became {group.by_instance()}"
        if "java-tools" in ctx.tools.have:
            groups[0].lag_is_the_tools()
    finally:
        if writer:
            writer.finish()
        for group in groups:
            group.kill_all()


def alone(client):
    def run_check(ctx):
        how, assignors, static = CLIENTS[client]
        topic = ctx.new_topic(f"alone-{client}", PARTITIONS)
        groups = [Group(ctx, topic, assignor) for assignor in assignors]
        if static:
            groups.append(Group(ctx, topic, assignors[0], static=True))
        killed_and_back(ctx, groups, {"first": how, "second": how}, 6000)
    return run_check


for client, (_, assignors, static) in CLIENTS.items():
    register(f"groups of {client} ({', '.join(assignors + ('static',) * static)}): a member and the broker are killed, "
             "nothing is lost", alone(client), needs=f"{client} confluent apt-cache", alone=True)


# Who can share a group: by the name of the assignor they have in common. Each protocol is led by whoever joined first.
TOGETHER = {
    "range": ("java-tools", "confluent", "kcat", "kafka-python", "aiokafka", "franz-go", "sarama"),
    "static range": ("java-tools", "confluent", "kcat", "kafka-python", "aiokafka", "franz-go", "sarama"),
    "roundrobin": ("platformatic", "kafkajs", "aiokafka", "rdkafka-crate", "sarama"),
    "sticky": ("java-tools", "kafka-python", "aiokafka", "franz-go", "sarama"),
    "cooperative-sticky": ("java-tools", "confluent", "kafka-python", "franz-go", "rdkafka-crate"),
}


def together(assignor, static, names):
    def run_check(ctx):
        here = [name for name in names if name in ctx.tools.have]
        if len(here) < 2:
            raise Skip(f"of {', '.join(names)} there is only {here}")
        for name in set(names) - set(here):
            print(f"WITHOUT {name} in the group: {ctx.tools.why_not.get(name)}", flush=True)
        topic = ctx.new_topic(f"together-{assignor}", 2 * PARTITIONS)
        starts = {name: CLIENTS[name][0] for name in here} | {"kalda": native}
        killed_and_back(ctx, [Group(ctx, topic, assignor, static)], starts, 6000)
    return run_check


for name, clients in TOGETHER.items():
    kind, _, only = name.rpartition(" ")
    register(f"groups, {name}, of {', '.join(clients)} and kalda together: a member and the broker are killed, nothing is lost",
             together(only, bool(kind), clients), needs="confluent apt-cache", alone=True)
