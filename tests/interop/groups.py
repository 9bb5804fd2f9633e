"""A group of members (members.py), what they and those before them have read and committed, and what is judged of it."""
import json
import time

from check_java import tool
from harness import run
from members import Member

# A dynamic member that was killed is missed after the first, a static one may be back within the second.
SESSION_MS, STATIC_SESSION_MS = 6000, 20_000


def kalda(ctx, *words, stdin=None):
    return run([ctx.program, *words, "-b", ctx.address], stdin=stdin)


class Group:
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

    def leave(self, name):
        """Asks a member of ours to end by itself, with a last commit."""
        self.members.pop(name).interrupt()

    def kill_all(self):
        for name in list(self.members):
            self.kill(name)

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

    def shares(self):
        """How many partitions each member has, once the group is stable and all have joined."""
        now = self.describe()
        if now["state"] != "Stable" or len(now["members"]) != len(self.members):
            return []
        return sorted(len(member["partitions"]) for member in now["members"])

    def by_instance(self):
        return {m["instance"]: m["partitions"] for m in self.describe()["members"]}

    def committed(self):
        lines = kalda(self.ctx, "group", "lag", self.name, "--format", "json").splitlines()
        return {one["partition"]: (one["committed"], one["end"]) for one in map(json.loads, lines)}

    def read(self):
        return {(partition, offset): key for member in self.past for partition, offset, key in member.lines()[0]}

    def times_read(self):
        return sum(len(member.lines()[0]) for member in self.past)

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
            assert (there.get(partition, (None,))[0] or 0) >= offset, \
                f"{self.name}: {offset} of partition {partition} was committed, and {there.get(partition)} is there"

    def commits_are_read(self):
        there, read = self.committed(), self.read()
        for partition, (offset, _) in there.items():
            lost = [o for o in range(offset or 0) if (partition, o) not in read]
            assert not lost, f"{self.name}: {len(lost)} records of partition {partition} below the committed {offset} were " \
                             f"read by nobody, first {lost[0]}"

    def lag_is_the_tools(self):
        """Every partition that either names, with its offsets, as Kafka's tool describes the group."""
        ours = {p: (str(committed), str(end), str(end - committed)) for p, (committed, end) in self.committed().items()}
        theirs = rows_of(tool("consumer.group.ConsumerGroupCommand", "--bootstrap-server", self.ctx.address, "--describe",
                              "--group", self.name).decode(), self.name)
        assert ours and ours == theirs, f"ours {ours}, Kafka's tool {theirs}"

    def why(self):
        words = {name: member.last_words()[-200:] for name, member in self.members.items()}
        counts = {name: len(member.lines()[0]) for name, member in self.members.items()}
        return f"{self.name}: {self.describe()}; committed {self.committed()}; read by {counts}; last words {words}"


def rows_of(text, group):
    """Partition: (committed, end, lag), of the table that Kafka's tool prints of a group."""
    found, heading = {}, None
    for line in text.splitlines():
        cells = line.split()
        if "CURRENT-OFFSET" in cells:
            heading = cells
        elif heading and cells and cells[0] == group:
            row = dict(zip(heading, cells))
            found[int(row["PARTITION"])] = (row["CURRENT-OFFSET"], row["LOG-END-OFFSET"], row["LAG"])
    return found


def until(what, groups, holds, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(group.alive() for group in groups) and holds():
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}; " + " | ".join(group.why() for group in groups))
