"""psycopg 3."""

import psycopg

from scenario import Client

CLIENT = Client("psycopg 3", f"{psycopg.__version__} (libpq {psycopg.pq.version()})")
scenario = CLIENT.scenario


@scenario
def parameters_the_server_reports(side):
    with psycopg.connect(**side.libpq(application_name="compat é")) as connection:
        info = connection.info
        names = [
            "server_version", "server_encoding", "client_encoding", "is_superuser",
            "session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
            "standard_conforming_strings", "application_name", "in_hot_standby",
            "default_transaction_read_only"]
        return {
            "status": {name: info.parameter_status(name) for name in names},
            "server_version": info.server_version, "dbname": info.dbname, "user": info.user,
            "encoding": info.encoding, "transaction_status": info.transaction_status,
            "pipeline": info.pipeline_status, "used_password": connection.pgconn.used_password,
            "needs_password": connection.pgconn.needs_password,
        }
