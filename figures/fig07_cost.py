"""All forms of a rule give the same numbers; what they cost against softmax attention.

Claims: step, parallel, chunk and compiled form of all registered rules agree to rounding
(read-out, final state, gradients). The cost of fast weights grows with the tokens, that
of attention (Vaswani et al. 2017, arXiv:1706.03762) with their square; C++ generated from
the rule's text is the fastest form on a CPU; peak memory grows with the tokens in every
form. Sizes: 4 heads, d = 64, float32, one thread, CPU time, medians of interleaved
rounds; agreement at 67 tokens, d_k = 7, d_v = 5, float64. Times differ from machine to
machine; their ratios less so.
"""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.artificial import apply
from fwp_neuro.benchmarks import artificial as bench
from fwp_neuro.benchmarks.artificial_contenders import ATTENTION
from fwp_neuro.benchmarks.artificial_table import report as table
from fwp_neuro.errors import FwpError
from fwp_neuro.plotting import GREY, PAGE, rule_look

STYLE = {"compiled": "-", "chunk": "--", "step": ":"}
FAST = ("parallel", "chunk", "compiled")


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the benchmark; quick takes short sequences, few rules and no memory."""
    options = (
        dict(lengths=(256, 1024), rounds=2, memory=(), rules=("delta",))
        if quick
        else dict(lengths=(256, 1024, 4096, 16384), rounds=3, memory=(4096, 16384))
    )
    data = bench.benchmark(threads=(1,), progress=progress, **options)
    names = fwp.rules()
    errors = [[agreement(name, form) for form in FAST] for name in names]
    return data.assign(
        agreement=(("rule", "form"), errors, {"units": "1"})
    ).assign_coords(rule=names, form=list(FAST))


def agreement(name: str, form: str, tokens: int = 67) -> float:
    """Return the largest relative difference from the step form; NaN if the form cannot
    run."""
    rng, chosen = np.random.default_rng(0), fwp.rule(name)
    sizes = {"shared": (), "pre": (7,), "post": (5,)}
    signals = {}
    for item, home in {**chosen.homes, "q": "pre"}.items():
        shape = (1, tokens, 2, *sizes[home])
        drawn = (
            rng.uniform(0.1, 0.95, shape)
            if item in chosen.gates
            else rng.normal(0, 0.4, shape)
        )
        long = {"q": "query", "k": "key", "v": "value"}.get(item, item)
        signals[long] = torch.tensor(drawn, requires_grad=True)
    states = {
        n: torch.tensor(rng.normal(size=(1, 2, 5, 7)), requires_grad=True)
        for n in chosen.states
    }
    found = []
    for kind in ("step", form):
        try:
            readout, final = apply(chosen, **signals, initial_state=states, form=kind)
        except FwpError:
            return float("nan")
        final = list(final.values()) if isinstance(final, dict) else [final]
        loss = readout.sin().sum() + sum(state.cos().sum() for state in final)
        slopes = torch.autograd.grad(
            loss, [*signals.values(), *states.values()], materialize_grads=True
        )
        found.append([x.detach() for x in (readout, *final, *slopes)])
    errors = [
        (a - b).abs().max() / (1 + a.abs().max()) for a, b in zip(*found, strict=True)
    ]
    return float(torch.stack(errors).max())  # not a number if any is


def plot(data):
    """Draw agreement, time of both directions and memory."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.74 * PAGE))
    axes = figure.subplots(2, 2)
    _agreement(axes[0, 0], data)
    _time(axes[0, 1], data, 0)
    _time(axes[1, 0], data, 1)
    _memory(axes[1, 1], data)
    titles = ("all forms agree (float64)", "forward", "forward + backward", "memory")
    for ax, letter, title in zip(axes.flat, "abcd", titles, strict=True):
        ax.set_title(f"({letter}) {title}", loc="left")
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=2.4)
    return figure


def _agreement(ax, data) -> None:
    places = np.arange(data.sizes["rule"])
    for marker, form in zip("sov", data["form"].values, strict=True):
        values = np.maximum(data["agreement"].sel(form=form).values, 1e-17)
        ax.semilogy(places, values, marker, ms=3.5, mfc="none", label=str(form))
    ax.set_xticks(
        places, data["rule"].values, rotation=60, ha="right", rotation_mode="anchor"
    )
    ax.tick_params(axis="x", labelsize=5.5, pad=1)
    ax.set(ylim=(1e-17, 1e-10), ylabel="error against step")
    ax.legend(ncols=3, loc="upper left")


def _curves(data):
    """Yield (contender, colour, line style, label)."""
    for name in data["contender"].values:
        if name == ATTENTION:
            yield name, "black", "-", "softmax attention"
        else:
            rule, form = str(name).split()
            if rule in ("hebb", "delta", "gated_delta"):
                yield name, rule_look(rule)["color"], STYLE[form], f"{rule}, {form}"


def _time(ax, data, direction: int) -> None:
    tokens = data["tokens"].values
    for name, colour, line, label in _curves(data):
        spent = data["cpu"].sel(contender=name).isel(direction=direction, threads=0)
        median = 1e3 * spent.median("round").values
        if np.isfinite(median).any():
            wide = 2.2 if name == ATTENTION else 1.2
            ax.loglog(
                tokens, median, line, marker=".", color=colour, lw=wide, label=label
            )
    ax.set(xlabel="tokens", ylabel="CPU time (ms)")
    ax.set_xticks(tokens, [str(t) for t in tokens])
    ax.minorticks_off()


def _memory(ax, data):
    """Draw peak memory; what stays below 0.1 MiB, for pages in use were enough, is drawn
    there."""
    if "memory" not in data:
        return ax.text(0.5, 0.5, "full size only", ha="center", transform=ax.transAxes)
    tokens = data["memory_tokens"].values
    for name, colour, line, _ in _curves(data):
        if str(name).startswith(("softmax", "delta")):
            for direction, marker in ((0, "o"), (1, "^")):
                size = (
                    data["memory"].sel(contender=name).isel(direction=direction).values
                    / 2**20
                )
                if np.isfinite(size).any():
                    ax.loglog(
                        tokens,
                        np.maximum(size, 0.1),
                        line,
                        marker=marker,
                        color=colour,
                        ms=3,
                    )
    ax.plot([], [], "o", color=GREY, label="forward")
    ax.plot([], [], "^", color=GREY, label="forward + backward")
    ax.set(xlabel="tokens", ylabel="extra memory (MiB, min. 0.1)")
    ax.set_xticks(tokens, [str(t) for t in tokens])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_ylim(low, 30 * high)  # room for the legend
    return ax.legend(loc="upper left")


def report(data) -> str:
    """Return the benchmark's table and the largest disagreement of every form."""
    worst = data["agreement"].max("rule").values
    lines = [
        f"largest error of the {form} form against step, {data.sizes['rule']} rules: "
        f"{w:.1e}"
        for form, w in zip(data["form"].values, worst, strict=True)
    ]
    return "\n".join([*lines, "", table(data)])
