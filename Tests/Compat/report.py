"""What is printed: a line while a scenario is done, its difference, and the table at the end."""

import json

import observation


def verdict(result):
    if result.differs_by_design:
        return "by design"
    if result.direct.trouble or result.through.trouble:
        return "FAILED"
    return "equal" if result.passed else "DIFFERS"


def outcome(one):
    return "failed" if one.trouble else f"{one.seconds * 1000:.0f} ms"


def progress(result, number, total):
    return f"[{number}/{total}] {verdict(result):9} {result.scenario.client}: {result.scenario.name}"


def details(result, everything):
    lines = []
    for name, one in (("direct", result.direct), ("through", result.through)):
        if one.trouble:
            lines.append(f"--- {name} failed\n{one.trouble}")
    if not lines and not result.passed:
        lines.append(observation.difference(result.expected, result.through.observed))
        if result.scenario.through and result.direct.observed == result.through.observed:
            lines.append("a difference by design is documented, but there is none")
    if everything and not result.direct.trouble:
        lines.append("direct: " + json.dumps(result.direct.observed, indent=1, ensure_ascii=False))
        if result.differs_by_design:
            lines.append("through: " + json.dumps(
                result.through.observed, indent=1, ensure_ascii=False))
    return "\n".join(lines)


def table(clients, results, seconds):
    rows = [("client", "scenario", "direct", "through", "equal")]
    for result in results:
        scenario = result.scenario
        word = verdict(result)
        shown = {"equal": "yes", "by design": f"by design: {scenario.reason}"}.get(word, word)
        rows.append((
            scenario.client, scenario.name, outcome(result.direct), outcome(result.through), shown))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:>{widths[3]}}  {row[4]}".rstrip() for row in rows]
    lines.insert(1, "-" * (sum(widths) + 16))
    lines.append("")
    used = {result.scenario.client for result in results}
    lines.append("clients: " + ", ".join(
        f"{client.name} {client.version}" for client in clients if client.name in used))
    counts = {}
    for result in results:
        counts[verdict(result)] = counts.get(verdict(result), 0) + 1
    lines.append(
        f"{len(results)} scenarios in {seconds:.0f} s: {counts.get('equal', 0)} equal, "
        f"{counts.get('by design', 0)} differ by design, {counts.get('DIFFERS', 0)} differ, "
        f"{counts.get('FAILED', 0)} failed")
    return "\n".join(lines)


def write_page(page, clients, results):
    """Puts the table between the two marks of the page."""
    lines = [
    "| client | version | scenarios | equal | by design | other |",
     "|---|---|--:|--:|--:|--:|"]
    for client in clients:
        words = [verdict(result) for result in results if result.scenario.client == client.name]
        if words:
            equal, design = words.count("equal"), words.count("by design")
            lines.append(
                f"| {client.name} | {client.version} | {len(words)} | {equal} | {design} | "
                f"{len(words) - equal - design} |")
    lines += ["", "| client | scenario | direct | through |", "|---|---|---|---|"]
    for result in results:
        direct = "failed" if result.direct.trouble else "done"
        lines.append(
            f"| {result.scenario.client} | {result.scenario.name} | {direct} | {verdict(result)} |")
    begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
    text = page.read_text()
    head, rest = text.split(begin, 1)
    page.write_text(head + begin + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1])
