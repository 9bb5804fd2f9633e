"""Foreign clients, installed once into build/interop/. What cannot be had (no registry, no compiler) is remembered
with the reason, and the checks that need it are skipped."""
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys

from harness import BUILD, HERE

ROOT = HERE.parent.parent
# The release that Kalda speaks. Maven serves its command line tools later than the rest, or never: then they are of the
# newest release that has them, with clients of that release, and every check that uses them is named by it.
KAFKA = re.search(r'kKafkaRelease = "([^"]+)"', (ROOT / "net" / "release.h").read_text())[1]
KAFKA_TOOLS_BEFORE = "4.3.1"
PYTHON = {"confluent": "confluent-kafka==2.16.1", "kafka-python": "kafka-python==3.0.12",
          "kafka-python-codecs": "lz4 zstandard python-snappy", "aiokafka": "aiokafka==0.14.0"}
OLD_KAFKA_PYTHON = "kafka-python==2.0.2"  # speaks the oldest versions of any client still in use
NODE = {"kafkajs": "kafkajs@2.2.4", "platformatic": "@platformatic/kafka@1.35.0"}  # newer ones need a newer Node

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>kalda</groupId><artifactId>interop</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>{artifact}</artifactId><version>{version}</version>
</dependency></dependencies></project>
"""


class Tools:
    def __init__(self):
        self.have, self.why_not = set(), {}
        BUILD.mkdir(parents=True, exist_ok=True)

    def _try(self, name, program, install, sources=None):
        """`install` runs unless it succeeded before with the same constants, and the same files in `sources`."""
        if program and not shutil.which(program):
            self.why_not[name] = f"there is no {program}"
            return
        stamp = BUILD / f".have-{name}"
        wanted = str(install.__code__.co_consts) + str((KAFKA, KAFKA_TOOLS_BEFORE, PYTHON, OLD_KAFKA_PYTHON, NODE))
        for file in sorted(one for one in (sources.rglob("*") if sources else ()) if one.is_file()):
            wanted += f"\n{hashlib.sha256(file.read_bytes()).hexdigest()} {file.name}"
        if not (stamp.exists() and stamp.read_text() == wanted):
            print(f"installing {name}", flush=True)
            try:
                install()
            except (subprocess.SubprocessError, OSError) as error:
                words = getattr(error, "stderr", None) or getattr(error, "output", None) or str(error).encode()
                self.why_not[name] = f"could not install it: {_reason(words.decode(errors='replace'))}"
                print(f"WITHOUT {name}: {self.why_not[name]}", flush=True)
                return
            stamp.write_text(wanted)
        self.have.add(name)

    def install_all(self):
        self.python()
        self.for_bench()
        self._try("kcat", "kcat", lambda: None)
        self._try("java-client", "javac", self._java_client, HERE / "clients" / "java")
        for name, package in NODE.items():
            self._try(name, "npm", lambda package=package: self._node(package))
        self._try("sarama", "go", self._sarama, HERE / "clients" / "sarama")
        self._try("rdkafka-crate", "cargo", self._rdkafka, HERE / "clients" / "rdkafka")
        self._try("apt-cache", "apt-cache", lambda: None)

    def for_bench(self):
        """Apache Kafka, its tools, and the client that tests/bench has a program of."""
        self._try("java", "mvn", self._kafka)
        self._try("java-tools", "mvn", self._kafka_tools)
        self._try("franz-go", "go", self._franz, HERE / "clients" / "franz")

    # Python clients live in a virtual environment, in which the checks then run.
    def python(self):
        venv = BUILD / "venv"
        pip = [venv / "bin" / "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]

        def install_venv():
            _run([sys.executable, "-m", "venv", venv])
        self._try("venv", None, install_venv)
        for name, package in PYTHON.items():
            self._try(name, None, lambda package=package: _run(pip + package.split()))
        old = BUILD / "kafka-python-old"
        self._try("kafka-python-old", None,
                  lambda: _run(pip + ["--no-deps", "--upgrade", "--target", old, OLD_KAFKA_PYTHON, "six==1.16.0"]))

    def _maven(self, folder, artifact, version):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(POM.format(artifact=artifact, version=version))
        shutil.rmtree(folder / "libs", ignore_errors=True)
        _run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"],
             cwd=folder)

    def _kafka(self):
        self._maven(BUILD / "kafka", "kafka_2.13", KAFKA)

    def _kafka_tools(self):
        try:
            self._maven(BUILD / "kafka-tools", "kafka-tools", KAFKA)
        except subprocess.CalledProcessError as error:
            print(f"Kafka's tools of {KAFKA} are not to be had, {KAFKA_TOOLS_BEFORE} is taken: "
                  f"{_reason(error.output.decode(errors='replace'))}", flush=True)
            self._maven(BUILD / "kafka-tools", "kafka-tools", KAFKA_TOOLS_BEFORE)

    def _java_client(self):
        _run(["javac", "-cp", f"{kafka_libs()}/*", "-d", BUILD / "java-client", HERE / "clients" / "java" / "Client.java"])

    def _node(self, package):
        folder = BUILD / "js"
        folder.mkdir(exist_ok=True)
        if not (folder / "package.json").exists():
            (folder / "package.json").write_text('{"private": true}')
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", package], cwd=folder)
        # One that needs a newer Node is installed all the same, with a warning; here it fails.
        _run(["node", "-e", f"import(require.resolve('{package.rpartition('@')[0]}'))"], cwd=folder)

    def _go(self, client, programs):
        go = _go_for(HERE / "clients" / client / "go.mod")
        for program, package in programs.items():
            _run([go, "build", "-buildvcs=false", "-o", BUILD / program, package], cwd=HERE / "clients" / client,
                 env={**os.environ, "GOTOOLCHAIN": "local"})

    def _franz(self):
        self._go("franz", {"franz-client": ".", "franz-member": "./member", "franz-bench": "./bench"})

    def _sarama(self):
        self._go("sarama", {"sarama-member": ".", "sarama-client": "./client"})

    def _rdkafka(self):
        _run(["cargo", "build", "--quiet", "--locked", "--target-dir", BUILD / "rdkafka"], cwd=HERE / "clients" / "rdkafka")


def _reason(said):
    """The line of a program's output that says why: the first that speaks of an error, else the last."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", said).splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it said nothing")[:200]


def _run(command, cwd=None, env=None):
    subprocess.run([str(w) for w in command], check=True, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _go_for(module):
    """A Go that builds a module: the one at hand, or where that is too old (Debian 12 has 1.19) the release that the
    module names, which is a module itself and is kept in build/interop. The old one checks what it fetches."""
    wanted = re.search(r"^go ([\d.]+)$", module.read_text(), re.M)[1]
    said = subprocess.run(["go", "version"], check=True, stdout=subprocess.PIPE,
                          env={**os.environ, "GOTOOLCHAIN": "local"}).stdout.decode()
    have = re.search(r"\bgo(\d+(?:\.\d+)*)", said)[1]
    def numbers(release):
        return [int(number) for number in release.split(".")]
    if numbers(have) >= numbers(wanted):
        return "go"
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    version, modules = f"v0.0.1-go{wanted}.linux-{machine}", BUILD / "go"
    toolchain = modules / "golang.org" / f"toolchain@{version}"
    if not (toolchain / ".complete").exists():
        print(f"Go is {have}, {module.parent.name} needs {wanted}: fetching that release", flush=True)
        _run(["go", "mod", "download", f"golang.org/toolchain@{version}"], cwd=BUILD,
             env={**os.environ, "GOTOOLCHAIN": "local", "GO111MODULE": "on", "GOMODCACHE": str(modules), "GOFLAGS": "-modcacherw"})
        # A module does not keep which of its files are programs.
        for program in (*(toolchain / "bin").iterdir(), *(toolchain / "pkg" / "tool").rglob("*")):
            program.chmod(0o755)
        (toolchain / ".complete").touch()
    return toolchain / "bin" / "go"


def venv_python():
    return BUILD / "venv" / "bin" / "python3"


def kafka_libs():
    return BUILD / "kafka" / "libs"


def kafka_tools_libs():
    return BUILD / "kafka-tools" / "libs"


def kafka_tools_release():
    """Of the tools that are installed."""
    jars = list(kafka_tools_libs().glob("kafka-tools-[0-9]*.jar"))
    return jars[0].stem.removeprefix("kafka-tools-") if jars else KAFKA
