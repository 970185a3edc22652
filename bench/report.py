"""The table of a benchmark."""

from measure import median, spread

REFERENCE = "pgbouncer"


def number(value, digits=3):
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def rate(value, unit):
    if value is None:
        return "–"
    return f"{value / 1e6:,.0f} MB/s" if unit == "B/s" else f"{number(value)} {unit}"


def paired_ratio(rows, name, reference, key):
    """The median of the rounds' own ratios: a round's runs stand side by side, so that what the
    machine does meanwhile strikes both."""
    pairs = zip(rows.get(name, []), rows.get(reference, []))
    return median([
        mine[key] / theirs[key] for mine, theirs in pairs
        if mine.get(key) is not None and theirs.get(key)])


def table(cases, results, targets):
    """Markdown: one row for each case and target."""
    lines = [
        "| case | way | throughput | ± | CPU | ± | CPU ÷ pgbouncer | throughput ÷ pgbouncer "
        "| p50 / p99 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        rows = results.get(case.name)
        if not rows:
            continue
        for name in targets:
            runs = rows.get(name, [])
            if not runs:
                continue
            lines.append(row(case, name, runs, rows))
    return "\n".join(lines)


def row(case, name, runs, rows):
    def column(key):
        return [run.get(key) for run in runs]

    cpu, p50, p99 = (median(column(key)) for key in ("cpu_us", "p50_us", "p99_us"))
    cells = [
        case.name, name, rate(median(column("per_second")), case.rate_unit),
        percent(spread(column("per_second"))),
        f"{number(cpu)} µs/{case.unit}" if cpu else "–", percent(spread(column("cpu_us"))),
        number(paired_ratio(rows, name, REFERENCE, "cpu_us")),
        number(paired_ratio(rows, name, REFERENCE, "per_second")),
        f"{number(p50)} / {number(p99)} µs" if p50 is not None else "",
    ]
    return "| " + " | ".join(cells) + " |"


def percent(value):
    return "–" if value is None else f"{100 * value:.0f} %"


def shipping(result):
    return (
        f"Shipping and storing: {result['records']:,} records in {result['seconds']:.1f} s "
        f"({result['records'] / result['seconds']:,.0f} a second); CPU for each: control plane "
        f"{result['control_us']:.1f} µs, its Postgres {result['store_us']:.1f} µs, agent "
        f"{result['agent_us']:.1f} µs.")


def memory(results):
    """Markdown: one row for each proxy; kB become MB where they are many."""
    lines = [
        "| way | idle | an idle session | an idle session, TLS | under a slowly read result of 1 GB |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        lines.append(
            f"| {name} | {result['idle'] / 1024:.1f} MB | {result['session']:.1f} kB "
            f"| {result['session_tls']:.1f} kB | {result['after_sessions'] / 1024:.1f} → "
            f"{result['result_peak'] / 1024:.1f} MB |")
    return "\n".join(lines)


def added_latency(cases, results):
    """What each way adds to the direct latency at half load; medians of the rounds."""
    lines = []
    for case in cases:
        rows = results.get(case.name, {})
        if "half load" not in case.name or not rows.get("direct"):
            continue
        for name, runs in rows.items():
            if name == "direct" or not runs:
                continue
            added = [
                median([run[key] for run in runs]) - median([run[key] for run in rows["direct"]])
                for key in ("p50_us", "p99_us")]
            lines.append(f"| {case.name} | {name} | {number(added[0])} / {number(added[1])} µs |")
    if not lines:
        return ""
    return "\n".join(["| case | way | added p50 / p99 |", "|---|---|---|", *lines])
