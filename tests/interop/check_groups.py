"""Groups of other people's clients, alone and together, eager, cooperative and static, over real input (the Debian package
index) while it is being written. A member is killed, the broker is killed, both come back. Every record is read at least
once by each group, no acknowledged commit is forgotten, none is beyond what was read."""
import json
import time

from check_java import tool
from check_packages import package_index
from harness import Skip, register, run
from install import KAFKA_TOOLS
from members import CLIENTS, Member, Writer, native

PARTITIONS = 6
SESSION_MS, STATIC_SESSION_MS = 6000, 20_000


def kalda(ctx, *words):
    return run([ctx.program, *words, "-b", ctx.address])


class Group:
    """Members of one group and all that they and those before them have read and committed."""

    def __init__(self, ctx, topic, assignor, static=False):
        self.ctx, self.topic, self.assignor, self.static = ctx, topic, assignor, static
        self.name = ctx.topic_name("static" if static else assignor)
        self.members, self.past = {}, []

    def start(self, name, how):
        instance, session = (name, STATIC_SESSION_MS) if self.static else ("-", SESSION_MS)
        member = Member(self.ctx, how, self.topic, self.name, self.assignor, instance, session,
                        f"{self.name}-{name}-{len(self.past)}")
        self.members[name] = member
        self.past.append(member)

    def kill(self, name):
        self.members.pop(name).kill()

    def alive(self):
        for name, member in self.members.items():
            assert member.process.poll() is None, f"{name} of {self.name} ended by itself: {member.last_words()}"
        return True

    def describe(self):
        try:
            return json.loads(kalda(self.ctx, "group", "describe", self.name, "--format", "json"))
        except AssertionError as error:
            if "no group" not in str(error):
                raise
            return {"state": "Dead", "members": []}  # nobody has joined yet

    def by_instance(self):
        return {m["instance"]: m["partitions"] for m in self.describe()["members"]}

    def committed(self):
        lines = kalda(self.ctx, "group", "lag", self.name, "--format", "json").splitlines()
        return {one["partition"]: (one["committed"], one["end"]) for one in map(json.loads, lines)}

    def read(self):
        return {(partition, offset): key for member in self.past for partition, offset, key in member.lines()[0]}

    def acknowledged(self):
        """The furthest acknowledged commit of each partition."""
        best = {}
        for member in self.past:
            for partition, offset in member.lines()[1]:
                best[partition] = max(best.get(partition, 0), offset)
        return best

    def commits_are_there(self, acknowledged):
        there = self.committed()
        for partition, offset in acknowledged.items():
            assert there.get(partition, (-1,))[0] >= offset, \
                f"{self.name}: {offset} of partition {partition} was committed, and {there.get(partition)} is there"

    def commits_are_read(self):
        there, read = self.committed(), self.read()
        for partition, (offset, _) in there.items():
            lost = [o for o in range(offset or 0) if (partition, o) not in read]
            assert not lost, f"{self.name}: {len(lost)} records of partition {partition} below the committed {offset} were " \
                             f"read by nobody, first {lost[0]}"

    def why(self):
        words = {name: member.last_words()[-200:] for name, member in self.members.items()}
        return f"{self.name}: {self.describe()}; committed {self.committed()}; last words {words}"


def until(what, groups, holds, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(group.alive() for group in groups) and holds():
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}; " + " | ".join(group.why() for group in groups))


def lag_is_the_tools(group):
    ours = {p: (str(committed), str(end), str(end - committed)) for p, (committed, end) in group.committed().items()}
    theirs, heading = {}, None
    out = tool("consumer.group.ConsumerGroupCommand", "--bootstrap-server", group.ctx.address, "--describe", "--group", group.name)
    for line in out.decode().splitlines():
        cells = line.split()
        if "CURRENT-OFFSET" in cells:
            heading = cells
        elif heading and cells and cells[0] == group.name:
            row = dict(zip(heading, cells))
            theirs[int(row["PARTITION"])] = (row["CURRENT-OFFSET"], row["LOG-END-OFFSET"], row["LAG"])
    assert ours and ours == theirs, f"ours {ours}, Kafka's tool {theirs}"


def killed_and_back(ctx, groups, starts, pairs, per_second):
    """`starts` names the members of each group and how each is started; the first of them is the one that is killed."""
    victim, topic = next(iter(starts)), groups[0].topic
    writer = None
    try:
        for group in groups:
            for name, how in starts.items():
                group.start(name, how)
        until("all have joined", groups, lambda: all(
            (now := g.describe())["state"] == "Stable" and len(now["members"]) == len(starts) for g in groups))
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
        until("the one that was killed reads again", groups, lambda: all(
            (now := g.describe())["state"] == "Stable" and all(m["partitions"] for m in now["members"]) for g in groups))
        for group in groups:
            group.commits_are_there(group.acknowledged())
            if group.static:
                assert group.by_instance() == homes[group.name], f"{homes[group.name]} became {group.by_instance()}"
        if "java-tools" in ctx.tools.have:
            lag_is_the_tools(groups[0])
    finally:
        if writer:
            writer.finish()
        for group in groups:
            for member in group.members.values():
                member.kill()


def pairs_of(count=None):
    return [tuple(line.split(b"\t", 1)) for line in package_index()[:count]]


def alone(client):
    def run_check(ctx):
        how, assignors, static = CLIENTS[client]
        topic = ctx.new_topic(f"alone-{client}", PARTITIONS)
        groups = [Group(ctx, topic, assignor) for assignor in assignors]
        if static:
            groups.append(Group(ctx, topic, assignors[0], static=True))
        killed_and_back(ctx, groups, {"first": how, "second": how}, pairs_of(8000), 1000)
    return run_check


for client, (_, assignors, static) in CLIENTS.items():
    register(f"groups of {client} ({', '.join(assignors + ('static',) * static)}): a member and the broker are killed, "
             "nothing is lost", alone(client), needs=f"{client} confluent apt-cache", alone=True)


# Who can share a group: by the name of the assignor they have in common. Each protocol is led by whoever joined first.
TOGETHER = {
    "range": ("java-tools", "confluent", "kafka-python", "aiokafka", "franz-go", "sarama"),
}


def together(assignor, names):
    def run_check(ctx):
        here = [name for name in names if name in ctx.tools.have]
        if len(here) < 2:
            raise Skip(f"of {', '.join(names)} there is only {here}")
        for name in set(names) - set(here):
            print(f"WITHOUT {name} in the group: {ctx.tools.why_not.get(name)}", flush=True)
        topic = ctx.new_topic(f"together-{assignor}", 2 * PARTITIONS)
        starts = {name: CLIENTS[name][0] for name in here} | {"kalda": native}
        killed_and_back(ctx, [Group(ctx, topic, assignor)], starts, pairs_of(), 6000)
    return run_check


for name, clients in TOGETHER.items():
    register(f"groups by {name} of {', '.join(clients)} and kalda together, all of the package index: a member and the broker "
             "are killed, nothing is lost", together(name, clients), needs="confluent apt-cache", alone=True)
