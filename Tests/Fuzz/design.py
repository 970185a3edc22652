"""What the agent does in another way than the server on purpose, and what is known to be wrong.

By design, so that no sequence has it:

- FunctionCall is refused with 0A000, unless policy allows it.
- client_encoding other than UTF8 and standard_conforming_strings off end the session with 57P01
  (from a startup parameter: refused with 0A000): texts are read by them.
- application_name on the server names session and principal, so `show application_name` does; the
  client is told its own at login.
- Startup parameters outside the allow-list (`options`, `search_path`, `replication`, …) are
  refused with 0A000.
- Query, Parse, Bind and the like above the limit for statements are refused with 54000.
- A cancel request needs the agent's own key; the server's is never shown.
- More than 65,536 messages without their answers wait: the bytes are the same, the time is not.
"""

STAMP = b"application_name\0sallyport:"


def without_stamp(kind, body):
    """As the client should be told: its own name is `fuzz`, as long as it has not set another."""
    if kind == "S" and body.startswith(STAMP):
        return b"application_name\0fuzz\0"
    return body


# Faults that were found and not mended yet, by what `--skip` calls them: how an answer with the
# fault looks without it. The entry goes when the fault does.
KNOWN = {
    # Told after RESET and DISCARD ALL.
    "stamp": without_stamp,
}

_skipped = []


def skip(names):
    _skipped.extend(KNOWN[name] for name in names)


def corrected(kind, body):
    """An answer without the faults that are skipped."""
    for correct in _skipped:
        body = correct(kind, body)
    return body
