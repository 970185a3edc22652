"""Observations as JSON: values keep their type, errors all their fields."""

import dataclasses
import datetime
import difflib
import enum
import json


def plain(value):
    """The value as JSON, so that two that differ in value or in type look different."""
    if value is None or isinstance(value, (bool, str)) and type(value) in (bool, str):
        return value
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if type(value) in (int, float):
        return value if value == value else repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        octets = bytes(value)
        shown = octets.hex() if len(octets) <= 4096 else f"{octets[:64].hex()}… {hash_of(octets)}"
        return f"{type(value).__name__}:{shown}"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if type(value) in (list, tuple) or hasattr(value, "_fields"):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, datetime.datetime):
        return f"{type(value).__name__}:{value.isoformat()}"
    if hasattr(value, "points"):
        # Some of asyncpg's shapes, which do not show what they hold.
        return [type(value).__name__, getattr(value, "is_closed", None), plain(value.points)]
    if dataclasses.is_dataclass(value):
        return {"type": type(value).__name__, **plain(dataclasses.asdict(value))}
    if hasattr(value, "items"):
        return {"type": type(value).__name__, **plain(dict(value.items()))}
    return f"{type(value).__name__}:{value}"


def hash_of(octets):
    import hashlib
    return f"{len(octets)} bytes, sha256 {hashlib.sha256(octets).hexdigest()}"


def scrubbed(value, side):
    """The observation without what must differ between the sides."""
    if isinstance(value, str):
        return side.scrub(value)
    if isinstance(value, list):
        return [scrubbed(item, side) for item in value]
    if isinstance(value, dict):
        return {side.scrub(key): scrubbed(item, side) for key, item in value.items()}
    return value


def difference(direct, through):
    """Lines that differ, as ``diff -u`` shows them; long lines are cut around the first difference."""
    def lines(value):
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
        return text.replace("\\n", "\n      ").splitlines()

    found = difflib.unified_diff(
        lines(direct), lines(through), "direct", "through", lineterm="", n=2)
    return "\n".join(line if len(line) <= 400 else line[:400] + "…" for line in found)
