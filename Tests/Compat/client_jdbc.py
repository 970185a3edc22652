"""JDBC, with the driver from Debian; the scenarios are the methods of the classes in jdbc/."""

import pathlib
import re
import zipfile

import design
import programs
from scenario import Client

JAR = "/usr/share/java/postgresql.jar"
SOURCES = pathlib.Path(__file__).parent / "jdbc"


def version():
    with zipfile.ZipFile(JAR) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF").decode()
    return re.search(r"^Implementation-Version: (\S+)", manifest, re.MULTILINE)[1]


class Compiled(Client):
    """Its scenarios are compiled before the first of them is run."""

    def prepare(self, scratch):
        self.classes = scratch.folder / "classes"
        scratch.run(["javac", "-nowarn", "-cp", JAR, "-d", self.classes, *SOURCES.glob("*.java")])


CLIENT = Compiled("JDBC", version())


def words(method):
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", method).lower()


def run(side, where, method):
    result = programs.run(
    side,
    "java",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Duser.language=en",
    "-Duser.timezone=UTC",
    "-Dfile.encoding=UTF-8",
    "-cp",
    f"{JAR}:{CLIENT.classes}",
    "Run",
    where,
    method,
    seconds=100,
     COMPAT_PASSWORD=side.password)
    if result["exit"]:
        raise RuntimeError(f"{where}.{method} did not end well:\n{result['err']}")
    return {**result, "out": result["out"].splitlines()}


def add(where, method, **named):
    @CLIENT.scenario(name=words(method), seconds=120, **named)
    def told(side):
        return run(side, where, method)


def refused(title, severity, state, message, hint, reason):
    """What is shown of a refusal in place of the first line."""
    lines = [
        f"{title} | org.postgresql.util.PSQLException {severity}: {message}",
        f"  Hint: {hint} [{state}] {{{severity}, {message}, null, {hint}, {'null, ' * 8}0, 0, null, 0}}"]

    def through(observed):
        # An answer ends with an empty line; then comes what the scenario did after it.
        rest = observed["out"][1:] if severity == "ERROR" else []
        return {**observed, "out": lines + rest}
    return {"through": through, "reason": reason}


def parameter(title, name):
    return refused(
        title, "FATAL", "0A000",
        f'the startup parameter "{name}" is not allowed through this gateway',
        "Leave it out when connecting; use SET after that where you may.", design.STARTUP)


BY_DESIGN = {
    "wrongPassword": refused(
        "password", "FATAL", "28000", 'login to connection "compat" as "compat" was refused',
        "Check the names of the connection and the role, and that the token given as the password "
        "is current and meant for this connection.", design.LOGIN),
    "schemaAtStartup": parameter("schema", "search_path"),
    "optionsAtStartup": parameter("options", "options"),
    "withoutTLS": refused(
        "plain", "FATAL", "28000", "this gateway takes connections with TLS only",
        "Connect with sslmode=require or stricter.", design.PLAINTEXT),
}

for source in ("Statements", "Sessions"):
    for name in re.findall(
            r"^  static void (\w+)\(\)", (SOURCES / f"{source}.java").read_text(), re.MULTILINE):
        add(source, name, **BY_DESIGN.get(name, {}))
