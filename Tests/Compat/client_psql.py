"""psql, given scripts: printed output, exit codes and errors in full."""

import programs
from scenario import Client

CLIENT = Client("psql", programs.version("psql", "--version"))
scenario = CLIENT.scenario


def psql(side, script="", *arguments, **environment):
    return programs.run(side, "psql", "-X", *arguments, stdin=script, **environment)


@scenario
def select_of_every_type(side):
    return psql(side, "\\x\nselect * from everything;\n")


@scenario
def several_statements_in_one_c(side):
    return [
        psql(side, "", "-c", "select 1; select 2 as two, null; create temp table t(i int); select 3"),
        psql(side, "", "-c", "select 1; select 1/0; select 3"),
        psql(side, "", "-c", "select 1", "-c", "select 1/0", "-c", "select 3"),
    ]
