#!/usr/bin/env python3
"""Talks to a broker with other people's clients. One line a check; the last line is "N passed, N failed, N skipped".

    ./dev interop                               our own broker, started on a free loopback port
    ./dev interop --apache                      Apache Kafka itself: proves the checks
    ./dev interop --broker 127.0.0.1:9092       a broker that runs already (nothing is killed)
    ./dev interop --start 'prog --port {port} --dir {dir}'
    ./dev interop --only kcat                   checks whose name holds a word
"""
import argparse
import os
import sys

import install
from harness import BUILD, HERE, CHECKS, Context, run_all


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--broker", metavar="HOST:PORT")
    options.add_argument("--start", metavar="COMMAND")
    options.add_argument("--apache", action="store_true")
    options.add_argument("--program", default=HERE.parent.parent / "build" / "release" / "kalda")
    options.add_argument("--only", default="")
    options.add_argument("--jobs", type=int, default=3, help="checks at once, each on a broker of its own (%(default)s)")
    options.add_argument("--list", action="store_true")
    options.add_argument("-v", "--verbose", action="store_true")
    chosen = options.parse_args()

    tools = install.Tools()
    tools.python()
    # The checks of Python clients run inside the environment that holds them.
    if "venv" in tools.have and sys.prefix != str(BUILD / "venv"):
        os.execv(install.venv_python(), [str(install.venv_python()), *sys.argv])
    tools.install_all()

    import brokers
    for module in ("cli", "kcat", "confluent", "clients", "java", "java_admin", "java_tools", "settings", "packages",
                   "native_groups", "groups", "kill", "interchange", "dump"):
        __import__(f"check_{module}")
    if chosen.list:
        print("\n".join(c.name for c in CHECKS))
        return 0

    if chosen.apache and "java" not in tools.have:
        print(f"there is no Apache Kafka to start: {tools.why_not['java']}")
        return 1

    def broker(number):
        if chosen.broker:
            return brokers.External(chosen.broker)
        if chosen.apache:
            return brokers.Apache(BUILD / f"run-apache-{number}", install.kafka_libs(), install.KAFKA)
        if chosen.start:
            return brokers.Command(BUILD / f"run-command-{number}", chosen.start)
        return brokers.Kalda(BUILD / f"run-kalda-{number}", chosen.program)

    def context(number):
        work = BUILD / f"work-{number}"
        work.mkdir(exist_ok=True)
        return Context(broker(number), tools, work, chosen.program)

    passed, failed, skipped = run_all(context, chosen.only, chosen.verbose, 1 if chosen.broker else chosen.jobs)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
