"""psql, given scripts: printed output, exit codes and errors in full.

The scripts are in psql/; each of them is a scenario.
"""

import pathlib
import re

import design
import programs
from scenario import Client

CLIENT = Client("psql", programs.version("psql", "--version"))
scenario = CLIENT.scenario


def psql(side, script="", *arguments, **environment):
    result = programs.run(side, "psql", "-X", *arguments, stdin=script, **environment)
    result["out"] = re.sub(r"with PID \d+", "with PID <pid>", result["out"])
    return result


def add(file):
    @scenario(name=file.stem.replace("-", " "))
    def told(side):
        return psql(side, file.read_text())


for path in sorted((pathlib.Path(__file__).parent / "psql").glob("*.sql")):
    add(path)


@scenario
def several_statements_in_one_c(side):
    return [
        psql(side, "", "-c", "select 1; select 2 as two, null; create temp table t(i int); select 3"),
        psql(side, "", "-c", "select 1; select 1/0; select 3"),
        psql(side, "", "-c", "insert into log (line) values ('lost'); select 1/0"),
        psql(side, "", "-c", "begin; insert into log (line) values ('kept'); commit; select 1/0"),
        psql(side, "", "-c", "select 1", "-c", "select 1/0", "-c", "\\dt", "-c", "select 3"),
        psql(side, "", "-Atc", "select line from log"),
        psql(side, "", "-c", ""),
    ]


@scenario
def files_in_one_transaction(side):
    bad = side.file("bad.sql", "insert into log (line) values ('a');\nselect 1/0;\nselect 'not run';\n")
    good = side.file("good.sql", "insert into log (line) values ('b');\nselect count(*) from log;\n")
    return [
        psql(side, "", "-1", "-f", bad), psql(side, "", "-1", "-v", "ON_ERROR_STOP=1", "-f", bad),
        psql(side, "", "-f", bad), psql(side, "", "-1", "-f", good),
        psql(side, "", "-f", good, "-f", bad, "-e"), psql(side, "", "-1", "-f", "missing.sql"),
        psql(side, "select line from log;"),
    ]


@scenario
def very_long_statements(side):
    literal = "x" * 3_000_000
    many = ",".join(f"({n}, 'row {n}')" for n in range(100_000))
    values = " union all ".join(f"select {n}" for n in range(500))
    return [
        psql(side, f"select length('{literal}');\n"),
        psql(side, f"create temp table t (i int, s text); insert into t values {many};\n"
             "select count(*), sum(i) from t;\n"),
        psql(side, f"select count(*) from ({values}) s;\n"),
        psql(side, "select " + "(" * 300 + "1" + ")" * 300 + ";\n"),
        psql(side, "\n".join("select 1;" for _ in range(500))),
    ]


@scenario
def echo_and_single_step_options(side):
    return [
        psql(side, "select 1;\nselect 1/0;\n", "-e"), psql(side, "select 1;\n", "-a", "-b"),
        psql(side, "\\dt\n", "-E"), psql(side, "table items;\n", "--csv"),
        psql(side, "table items;\n", "-At", "-F", "|", "-R", ";"),
        psql(side, "select 1;\n", "-L", "log.txt", "-q"),
        psql(side, "select 1;\nselect 2\n;\n", "-S"),
    ]


@scenario
def ways_to_name_the_server(side):
    uri = f"postgresql://{side.user}@{side.host}:{side.port}/{side.database}"
    service = side.file(
        "service.conf", f"[it]\nhost={side.host}\nport={side.port}\ndbname={side.database}\n")
    return [
        psql(side, "", f"{uri}?sslmode=verify-full&application_name=mine", "-c", "select 1"),
        psql(side, "", "service=it", "-c", "select 1", PGSERVICEFILE=str(service)),
        psql(side, "", f"host=127.0.0.1,{side.host} port=1,{side.port}", "-c", "\\conninfo"),
        psql(side, "", "host=localhost hostaddr=127.0.0.1", "-c", "select 1"),
        psql(side, "", "connect_timeout=5 keepalives_idle=60 tcp_user_timeout=5000", "-c", "select 1"),
        *[psql(side, "", f"target_session_attrs={kind}", "-c", "select 1") for kind in
          ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")],
    ]


@scenario
def tls_modes(side):
    return [
        *[psql(side, "select ssl_is_used() is not null;\n", "-c", "\\conninfo", PGSSLMODE=mode)
          for mode in ("verify-full", "verify-ca", "require", "prefer")],
        # Direct this one stays without TLS; the agent refuses that, and psql tries again.
        psql(side, "", "-c", "select 1", PGSSLMODE="allow"),
        psql(side, "", "-c", "\\conninfo", PGSSLMODE="verify-full",
             PGSSLMINPROTOCOLVERSION="TLSv1.3"),
        psql(side, "", "-c", "\\conninfo", PGSSLMODE="verify-full",
             PGSSLMAXPROTOCOLVERSION="TLSv1.2", PGSSLMINPROTOCOLVERSION="TLSv1.2"),
        psql(side, "", "host=127.0.0.1", "-c", "select 1"),
        psql(side, "", "gssencmode=prefer", "-c", "select 1"),
        psql(side, "", "sslrootcert=/nowhere", "-c", "select 1"),
        psql(side, "", "sslsni=0", "-c", "select 1"),
    ]


@scenario
def unix_socket(side):
    return psql(
        side, "select 1; select talk(1);\n", PGHOST=side.socket_folder, PGSSLMODE="prefer")


@scenario
def settings_at_startup(side):
    return [
        psql(side, "show timezone; show datestyle; show geqo; show client_encoding;\n",
             PGTZ="Asia/Tokyo", PGDATESTYLE="SQL,DMY", PGGEQO="off", PGCLIENTENCODING="SQL_ASCII"),
        psql(side, "show client_encoding;\n", PGCLIENTENCODING="unicode"),
        psql(side, "select 1;\n", PGTZ="Nowhere/Nothing"),
        psql(side, "\\encoding\n\\encoding UTF8\n\\encoding SQL_ASCII\nselect 'é';\n"),
    ]


@scenario(through=design.refused_parameter("options"), reason=design.STARTUP)
def options_at_startup(side):
    return psql(side, "show work_mem;\n", PGOPTIONS="-c work_mem=5MB")["err"]


@scenario(through=design.refused_encoding("LATIN1"), reason=design.PINNED)
def another_encoding_at_startup(side):
    return psql(side, "show client_encoding;\n", PGCLIENTENCODING="LATIN1")["err"]


@scenario(through=design.lost_connection, reason=design.PINNED)
def another_encoding_later(side):
    return psql(side, "\\encoding LATIN1\nselect 1;\n")["err"]


@scenario(through=design.ended_session, reason=design.PINNED)
def strings_of_another_syntax(side):
    return psql(side, "set standard_conforming_strings = off;\nselect 1;\n")["err"]


@scenario(through=design.plaintext_refused, reason=design.PLAINTEXT)
def without_tls(side):
    return psql(side, "", "-c", "select 1", PGSSLMODE="disable")["err"]


@scenario(through=design.login_refused(), reason=design.LOGIN)
def wrong_password(side):
    side.password = "nonsense"
    return psql(side, "", "-c", "select 1")["err"]


@scenario(through=design.login_refused(connection="nowhere"), reason=design.LOGIN)
def no_such_database(side):
    return psql(side, "", "-d", "nowhere", "-c", "select 1")["err"]


@scenario(through=design.login_refused(connection="postgres"), reason="databases are registered")
def list_of_databases(side):
    return psql(side, "", "-l")["err"]


@scenario(through=design.login_refused(role="postgres"), reason=design.LOGIN)
def another_role(side):
    return psql(side, "", "-U", "postgres", "-c", "select 1")["err"]


@scenario(through=design.refused_replication, reason="replication is refused by name")
def replication(side):
    return psql(side, "", "replication=database", "-c", "IDENTIFY_SYSTEM")["err"]


@scenario
def large_object_from_a_file(side):
    side.file("object", b"\x00\x01 object")
    return psql(side, "\\lo_import object\n\\lo_list\n")["err"]
