"""Pieces of HTML for notebooks; every text in them is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def page(title: str, *parts: str) -> str:
    """Return a block with a title; ``parts`` are HTML already."""
    return f"<div><b>{escape(title)}</b>{''.join(parts)}</div>"


def line(text: object) -> str:
    """Return a line of text."""
    return f"<div>{escape(str(text))}</div>"


def code(text: object) -> str:
    """Return a text as it stands."""
    return f'<pre style="margin: 0.3em 0">{escape(str(text))}</pre>'


def formula(latex: str) -> str:
    """Return a formula that notebooks set as mathematics."""
    return f"<div>$\\displaystyle {escape(latex, quote=False)}$</div>"


def table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table of texts.

    Example:
        >>> table(["a"], [["<b>"]])
        '<table><tr><th>a</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    lines = [_row(header, "th"), *(_row(row, "td") for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def details(summary: str, *parts: str) -> str:
    """Return what is shown when a reader opens it; ``parts`` are HTML already."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def _row(cells: Iterable[object], kind: str) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(str(c))}</{kind}>" for c in cells) + "</tr>"
