"""Results as people read them: a table per row on the screen, and the same in Markdown for docs/benchmarks.md."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

Found = Mapping[str, Any]

MEMORY_AIM_MB: Final = 300

BEGIN: Final = "<!-- money: rendered by `python -m benchmarks render` -->"
END: Final = "<!-- money: end -->"


def printed(row: Found) -> str:
    """One row for a terminal."""
    lines = [f"\n{row['title']}", f"  aim: {row['aim']}"]
    for one in row["competitors"].values():
        lines.append(f"  {one['title']:<44} {_figures(one, row['unit'])}")
    lines += [f"  {ratio['title']:<60} {_ratio(ratio)}" for ratio in row["ratios"]]
    return "\n".join(lines + ([f"  {row['note']}"] if row["note"] else []))


def rendered(results: Found) -> str:
    """All rows as Markdown."""
    machine, _, versions = results["machine"].partition("\n")
    parts = [BEGIN, "", f"{machine}. {versions}. Peers: {results['peers']}.", ""]
    for row in results["rows"].values():
        parts += _section(row)
    return "\n".join([*parts, "### Memory", "", held(results), "", END])


def held(results: Found) -> str:
    """The most memory that any run of ours has held, and in which row."""
    held_mb = [
        (_memory(one), f"{one['title']} in {row['title']}")
        for row in results["rows"].values()
        for one in row["competitors"].values()
        if one["is_ours"] and one["runs"]
    ]
    if not held_mb:
        return "No run of ours was kept."
    most, where = max(held_mb)
    aim = f"under {MEMORY_AIM_MB} MB: {'met' if most < MEMORY_AIM_MB else 'MISSED'}"
    return f"Peak memory of any run of ours, whatever its size: {most:.0f} MB ({where}); aim {aim}."


def render_into(page: Path, results: Found) -> None:
    """Put the results between the page's two marks. Raises ValueError where the page has none."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no place for results: it needs the lines {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    page.write_text(before + rendered(results) + rest.partition(END)[2])


def _section(row: Found) -> list[str]:
    lines = [f"### {row['title']}", "", f"Aim: {row['aim']}.", f"Measured: {row['measured']}.", ""]
    lines += [
        f"| who | {row['unit']}/s, each run | median | per CPU second | CPU own + server, s | peak memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_line(one) for one in row["competitors"].values()]
    if row["ratios"]:
        lines += ["", "| ratio | each run | median | aim |", "|---|---|---|---|"]
        lines += [
            f"| {ratio['title']} | {_each(ratio['each'])} | **{_number(ratio['median'])}** | {_aim(ratio)} |"
            for ratio in row["ratios"]
        ]
    settings: dict[str, list[str]] = {}
    for one in row["competitors"].values():
        if one["settings"]:
            settings.setdefault(one["settings"], []).append(one["title"])
    told = [f"* {'; '.join(titles)}: {words}." for words, titles in settings.items()]
    return [*lines, "", *told, *([f"* {row['note']}"] if row["note"] else []), ""]


def _line(one: Found) -> str:
    if not one["runs"]:
        return f"| {one['title']} | did not run: {one['failed']} | | | | |"
    cpu = [(run["own_cpu"], run["server_cpu"]) for run in one["runs"]]
    return (
        f"| {one['title']} | {_each(_rates(one))} | {_number(statistics.median(_rates(one)))}"
        f" | {_number(statistics.median(_by_cpu(one)))}"
        f" | {statistics.median(own for own, _ in cpu):.2f} + {statistics.median(server for _, server in cpu):.2f}"
        f" | {_memory(one):.0f} |"
    )


def _figures(one: Found, unit: str) -> str:
    if not one["runs"]:
        return f"did not run: {one['failed']}"
    failed = f"; then failed: {one['failed']}" if one["failed"] else ""
    return (
        f"{_number(statistics.median(_rates(one))):>9} {unit}/s ({_each(_rates(one))});"
        f" {_number(statistics.median(_by_cpu(one)))} per CPU second; peak {_memory(one):.0f} MB{failed}"
    )


def _rates(one: Found) -> list[float]:
    return [run["count"] / run["seconds"] for run in one["runs"]]


def _by_cpu(one: Found) -> list[float]:
    return [run["count"] / max(run["own_cpu"] + run["server_cpu"], 0.01) for run in one["runs"]]


def _memory(one: Found) -> float:
    return max(float(run["peak_rss_mb"]) for run in one["runs"])


def _ratio(ratio: Found) -> str:
    return f"{_number(ratio['median'])} ({_each(ratio['each'])}); aim {_aim(ratio)}"


def _aim(ratio: Found) -> str:
    if ratio["aim"] is None:
        return "–"
    is_met = ratio["median"] <= ratio["aim"] if ratio["at_most"] else ratio["median"] >= ratio["aim"]
    bound = "at most " if ratio["at_most"] else ""
    return f"{bound}{_number(ratio['aim'])}: {'met' if is_met else 'MISSED'}"


def _each(numbers: Sequence[float]) -> str:
    return ", ".join(map(_number, numbers))


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
