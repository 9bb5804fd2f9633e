#!/usr/bin/env python3
"""Counts the instructions of hot paths under callgrind and compares them with instructions.txt.

    ./dev bench --instructions [--record] [NAME...]     NAME: a path, or the beginning of some

A path that takes more than 3 % (in a simulated world 5 %) above its baseline fails the run, and so does one without a
baseline. --record writes what was counted as the new baseline (of the paths named, or of all). Profiles stay in
build/release/instructions/, for callgrind_annotate.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PROGRAM = TOP / "build" / "release" / "tests" / "bench" / "count_instructions"
PROFILES = TOP / "build" / "release" / "instructions"
BASELINE = TOP / "tests" / "bench" / "instructions.txt"
# Two runs of one program differ by nothing; an unrelated change moves what is inlined and how the heap lies, and in a
# simulated world when things happen.
TOLERANCE, TOLERANCE_IN_WORLD = 0.03, 0.05

# What the C library chooses by the processor it meets: plain x86-64 string functions, and nothing by the size of caches.
TUNABLES = ":".join([
    "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI1,-BMI2,-LZCNT,-MOVBE,-SSSE3,-SSE4_1,-SSE4_2,-RTM",
    "glibc.cpu.x86_non_temporal_threshold=0xc0000", "glibc.cpu.x86_rep_movsb_threshold=0x800",
    "glibc.cpu.x86_rep_stosb_threshold=0x800", "glibc.cpu.x86_data_cache_size=0x8000",
    "glibc.cpu.x86_shared_cache_size=0x100000"])
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "GLIBC_TUNABLES": TUNABLES}


def said_by(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def count(name):
    """Instructions of one operation; a path that does not work ends everything."""
    profile = PROFILES / f"{name}.callgrind"
    done = subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={profile}", PROGRAM, name],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=120, check=False)
    operations = re.search(r"^operations (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode or not operations:
        raise SystemExit(f"{name} failed:\n{done.stdout}{done.stderr}")
    total = re.search(r"^totals: (\d+)$", profile.read_text(encoding="utf-8"), re.MULTILINE)
    return round(int(total.group(1)) / int(operations.group(1)))


def read_baseline():
    recorded, made_by = {}, ""
    for line in BASELINE.read_text(encoding="utf-8").splitlines() if BASELINE.exists() else []:
        if line.startswith("# compiler: "):
            made_by = line.removeprefix("# compiler: ")
        elif line and not line.startswith("#"):
            name, instructions = line.split()
            recorded[name] = int(instructions)
    return recorded, made_by


def write_baseline(counts, compiler):
    lines = ["# Instructions of one operation of each hot path (README.md). Written by ./dev bench --instructions --record.",
             f"# compiler: {compiler}"]
    lines += [f"{name:<26}{instructions:>10}" for name, instructions in counts.items()]
    BASELINE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--record", action="store_true", help="take what is counted as the new baseline")
    options.add_argument("names", nargs="*", metavar="NAME")
    chosen = options.parse_args()
    paths = dict(line.split("\t") for line in said_by(PROGRAM, "--list").splitlines())
    wanted = [p for p in paths if not chosen.names or any(p.startswith(n) for n in chosen.names)]
    if not wanted:
        raise SystemExit(f"no path is called {' or '.join(chosen.names)}; there are: {' '.join(paths)}")
    baseline, made_by = read_baseline()
    compiler = said_by(PROGRAM, "--compiler").strip()
    if compiler != made_by and not chosen.record:
        # What another compiler makes of the code says nothing about the code.
        print(f"skip instructions: the baseline is of {made_by or 'nothing'}, this program of {compiler}")
        print(f"0 passed, 0 failed, {len(wanted)} skipped")
        return 0

    PROFILES.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(wanted, pool.map(count, wanted)))

    failed, better = 0, 0
    print(f"{'instructions of one operation':<26} {'now':>7} {'baseline':>10} {'change':>8}")
    for name, now in counts.items():
        before = baseline.get(name)
        change = now / before - 1 if before else 0
        tolerance = TOLERANCE_IN_WORLD if name.startswith(("log.", "broker.")) else TOLERANCE
        verdict = ""
        if not chosen.record and (before is None or change > tolerance):
            verdict = "FAIL: no baseline" if before is None else f"FAIL: more than {tolerance:.0%} above its baseline"
            failed += 1
        elif change < -tolerance:
            verdict = "better"
            better += 1
        print(f"{name:<26}{now:>11,}{before or 0:>11,}{change:>+9.1%}  {verdict or paths[name]}")
    gone = [name for name in baseline if name not in paths]
    if chosen.record:
        write_baseline({name: counts.get(name, baseline.get(name)) for name in paths if name in counts or name in baseline}, compiler)
        print(f"recorded in {BASELINE.relative_to(TOP)}: {len(counts)} paths")
        return 0
    if gone:
        print(f"FAIL: {BASELINE.relative_to(TOP)} names paths that are no more: {' '.join(gone)}")
    if better:
        print(f"{better} better: keep it with ./dev bench --instructions --record")
    if failed:
        print(f"see what it costs: callgrind_annotate {PROFILES.relative_to(TOP)}/NAME.callgrind; if it is worth that, "
              "./dev bench --instructions --record NAME and say why in the commit")
    print(f"{len(counts) - failed} passed, {failed + len(gone)} failed, 0 skipped")
    return 1 if failed or gone else 0


if __name__ == "__main__":
    sys.exit(main())
