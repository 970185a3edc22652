"""What the agent does in another way than the server, on purpose: the exact text of each refusal."""

STARTUP = "startup parameters pass an allow-list"
PINNED = "what statement texts are read by is pinned"
LOGIN = "the token is the password, and refused logins have one wording"
PLAINTEXT = "plaintext is refused off a Unix socket"
STAMP = "application_name on the server names session and principal"
PIDS = "the agent makes its own cancel key, so its process number is not the server's"
SIZE = "a statement and its parameters are 16 MiB at most, unless policy says another size"

TOO_LARGE = "the statement is too large for this gateway"
BIND_OF_20_MB = "The message bind has 20000020 bytes."
USE_COPY = "Send at most 16777216 bytes in one message; use COPY for data."
FAILED = 'psql: error: connection to server at "localhost" (127.0.0.1), port <port> failed: '


def refused_parameter(name):
    return lambda _: (
        f'{FAILED}FATAL:  the startup parameter "{name}" is not allowed through this gateway\n'
        "HINT:  Leave it out when connecting; use SET after that where you may.\n")


def refused_encoding(name):
    return lambda _: (
        f'{FAILED}FATAL:  client_encoding "{name}" is not supported through this gateway\n'
        "HINT:  Connect with client_encoding UTF8.\n")


def refused_replication(_):
    return (
        f"{FAILED}FATAL:  replication connections are not supported through this gateway\n"
        'HINT:  Connect without the startup parameter "replication".\n')


def ended_session(_):
    return (
        "FATAL:  terminating connection because a protected setting was changed\n"
        "HINT:  Leave client_encoding at UTF8 and standard_conforming_strings on.\n"
        "SSL connection has been closed unexpectedly\nconnection to server was lost\n")


def lost_connection(_):
    """As psql tells it where it does not show why."""
    return (
        "LATIN1: invalid encoding name or conversion procedure not found\n"
        "no connection to the server\nconnection to server was lost\n")


def plaintext_refused(_):
    return (
        f"{FAILED}FATAL:  this gateway takes connections with TLS only\n"
        "HINT:  Connect with sslmode=require or stricter.\n")


def login_refused(connection="compat", role="compat"):
    return lambda _: (
        f'{FAILED}FATAL:  login to connection "{connection}" as "{role}" was refused\n'
        "HINT:  Check the names of the connection and the role, and that the token given as the "
        "password is current and meant for this connection.\n")

