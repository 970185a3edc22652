"""What the agent does in another way than the server on purpose.

By design, so that no sequence has it:

- FunctionCall is refused with 0A000, unless policy allows it.
- client_encoding other than UTF8 and standard_conforming_strings off end the session with 57P01
  (from a startup parameter: refused with 0A000): texts are read by them.
- application_name on the server names session and principal, so `show application_name` does; the
  client is told its own, at login and later.
- Startup parameters outside the allow-list (`options`, `search_path`, `replication`, …) are
  refused with 0A000.
- Query, Parse, Bind and the like above the limit for statements are refused with 54000.
- A cancel request needs the agent's own key; the server's is never shown.
- A client that closes its sending half is gone: what it sent whole is run, the answers to that go
  nowhere. Where the client ends a session they are not compared, the databases are.
- A statement behind a Sync in the data of a COPY that failed in the extended protocol, without another
  Sync between, ends the session with 08P01: it was discarded or executed. So does a Sync or Flush with a
  body in the data of a COPY that failed. `gives_up` says so, and it is counted apart.
- More than 65,536 messages without their answers wait: the bytes are the same, the time is not.
"""

GIVEN_UP = b"\0Minvalid message sequence during COPY\0HEnd a COPY with CopyDone or CopyFail"


def gives_up(direct, through):
    """Whether the agent answered as the server up to where it ended the session by design."""
    if not through:
        return False
    kind, body = through[-1]
    return (kind == "E" and b"\0VFATAL\0C08P01\0" in body and GIVEN_UP in body
            and direct[:len(through) - 1] == through[:-1])
