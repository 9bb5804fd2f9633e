#!/usr/bin/env python3
"""Measures brokers side by side: rounds interleaved (A-B-A-B), medians, ratios, broker CPU, gates and goals.

    ./dev bench --rows P3,D1         Kalda and the floor broker
    ./dev bench --vs-kafka           with Apache Kafka of the current release; under 40 minutes
    ./dev bench --vs-kafka --rows P1,P4,F1 --rounds 1 --seconds 2
    ./dev bench --scaling            how cost grows with partitions, connections and record size
"""
import argparse
import sys
import time

import bar
import contestants
import load_bars
import machine
import process_bars
import scaling
import table


def arguments():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--vs-kafka", action="store_true", help="Apache Kafka takes part, fetched if it was not yet")
    options.add_argument("--scaling", action="store_true", help="the scaling tables instead, written to tests/bench/scaling.*")
    options.add_argument("--rows", default="", help="such as P1,F1/java; a bare P1 stands for every client's")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=15, help="of a measurement; a fifth of it for a foreign client or a codec, a third for the floor and a point of --scaling")
    options.add_argument("--jvm-warm-up", type=float, default=15, help="seconds of the bar's own load that Kafka gets first")
    options.add_argument("--recovery-gb", type=float, default=1, help="what C1 and C2 have in the log")
    options.add_argument("--format", choices=["table", "json"], default="table")
    return options.parse_args()


def chosen(words, bars, foreign):
    """Names of rows; a foreign client's only where they are asked for, or Kafka takes part."""
    rows = [row.name for each in bars for run in each.runs for row in run.rows]
    if not words and not foreign:
        return [name for name in rows if name.partition("/")[2] not in load_bars.FOREIGN]
    wanted = [name for name in rows if not words or any(name == w or name.split("/")[0] == w for w in words)]
    strange = [w for w in words if not any(name == w or name.split("/")[0] == w for name in rows)]
    if strange:
        raise SystemExit(f"there is no row {', '.join(strange)}; there are {' '.join(rows)}")
    return wanted


def main():
    options = arguments()
    lock = contestants.only_run()  # noqa: F841 - held by being there
    names = ["floor", "kalda"]
    if options.vs_kafka:
        from install import Tools
        tools = Tools()
        tools.for_bench()
        if "java" not in tools.have:
            raise SystemExit(f"without Apache Kafka: {tools.why_not['java']}")
        names.append("kafka")
    if options.scaling:
        return scaling.run(names[1:], options)
    process_bars.RECOVERY_BYTES = int(options.recovery_gb * 1e9)
    bars = load_bars.BARS + process_bars.bars()
    wanted = chosen([w for w in options.rows.split(",") if w], bars, options.vs_kafka)
    began = time.monotonic()
    head = {"date": time.strftime("%Y-%m-%d"), "machine": machine.says(), "versions": contestants.versions(),
            "rounds": options.rounds, "seconds": options.seconds}
    results = []
    for each in bars:
        if any(row.name in wanted for run in each.runs for row in run.rows):
            results += bar.measure(each, wanted, names, options.rounds, options.seconds, options.jvm_warm_up)
    head["took_minutes"] = round((time.monotonic() - began) / 60, 1)
    if options.format == "json":
        print(table.as_json(head, results))
    else:
        print(f"{head['date']}, Kalda {head['versions']['kalda']}, Apache Kafka {head['versions']['kafka']}, {head['machine']}; medians of "
              f"{options.rounds} rounds of {options.seconds:g} s, {head['took_minutes']} minutes in all\n")
        print(table.markdown(results))
    return 1 if any(r.trouble for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
