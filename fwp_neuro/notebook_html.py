"""What notebooks show of the objects of this package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import html_text
from .errors import Cannot, FwpError


def of_rule(rule) -> str:
    """Return formula, text, homes, eigenvalues and locality of a `Rule`."""
    rows = [
        (name, home, "from {:g} to {:g}".format(*rule.limits[name])
         if name in rule.limits else "")
        for name, home in rule.homes.items()
    ]  # fmt: skip
    try:
        spectrum = str(rule.eigenvalues or "none: it is not affine in w")
    except Cannot as reason:
        spectrum = str(reason)
    return html_text.page(
        f"{rule.name}: {rule.summary}" if rule.summary else rule.name,
        html_text.formula(rf"\begin{{array}}{{l}} {rule.latex} \end{{array}}"),
        html_text.code(rule.text),
        html_text.table(("signal", "home", "limits"), rows),
        html_text.line(f"eigenvalues of the transition: {spectrum}"),
        html_text.line(f"locality: {rule.locality}"),
        html_text.line(f"source: {rule.citation}") if rule.citation else "",
    )


def of_recording(recording) -> str:
    """Return rule, provenance, and the Dataset of a `Recording` as xarray shows it."""
    attrs = recording.attrs
    try:
        origin = recording.provenance
    except FwpError as damaged:
        origin = {"provenance": str(damaged)}
    title = "{} as {}".format(
        attrs.get("rule", "unknown rule"), attrs.get("realisation", "unknown")
    )
    return html_text.page(
        f"Recording: {recording.swept or title}",
        html_text.code(attrs["text"]) if "text" in attrs else "",
        html_text.details("provenance", html_text.table((), origin.items())),
        recording.dataset._repr_html_(),
    )


def of_synapse(model) -> str:
    """Return parameters with sources, text and ports of a `Synapse`."""
    rows = [(name, value, model.source(name)) for name, value in model.parameters.items()]
    ports = html_text.table(("port", "variable"), model.ports.items())
    return html_text.page(
        f"{model.name}/{model.parameter_set} ({model.kind}): {model.summary}",
        html_text.table(("parameter", "value", "source"), rows),
        html_text.code(model.equations),
        html_text.line(f"effective weight: {model.weight}"),
        ports if model.ports else "",
        html_text.line(model.conventions),
        html_text.line(f"source: {model.citation}") if model.citation else "",
    )


def of_table(
    text: str, rows: Sequence[Iterable[object]], remarks: Iterable[object]
) -> str:
    """Return a table under the first line of its text, and remarks below."""
    header, *others = rows
    return html_text.page(
        text.partition("\n")[0], html_text.table(header, others),
        *map(html_text.line, remarks),
    )  # fmt: skip
