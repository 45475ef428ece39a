"""Reflections keep a state for ever: parity, permutations and counting without training.

Claims: a delta write multiplies the fast weights by I - beta k k', with eigenvalue 1 -
beta along a unit key; it is a reflection at beta = 2. Reflections track parity (delta),
words of swaps in S5 (delta), words of any elements of S5 (DeltaProduct with 4
micro-writes) and counts modulo 5 (two reflections are a rotation) without an error over
512 tokens; with write strengths up to 1, no eigenvalue is negative and the accuracy falls
to chance. Sizes: 256 sequences of 512 tokens (quick: 32), float64, no training;
eigenvalues of 1500 random transitions (quick: 300).
Published: theorems of Grazzi et al. 2025 (arXiv:2411.12537) and Siems et al. 2025
(arXiv:2502.10297); in panel c the scaled accuracy of trained networks on parity (Grazzi
et al., Table 3, best of 3; trained on 3 to 40 tokens, tested on 40 to 256). Ours:
programmes by hand.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro import tasks
from fwp_neuro.artificial import apply
from fwp_neuro.artificial import hand_programmed as by_hand
from fwp_neuro.plotting import GREY, PAGE
from fwp_neuro.rules.catalogue import delta_product
from fwp_neuro.symbolic import arrays, spectrum

TOKENS, POSITIONS = 512, 5
PUBLISHED = {"DeltaNet, beta in [0, 2]": 1.000, "DeltaNet, beta in [0, 1]": 0.017}
COLOUR = {"parity": "#0072B2", "swaps of S5": "#009E73", "words of S5": "#D55E00",
          "count mod 5": "#CC79A7"}  # fmt: skip
RULE = {"parity": "delta", "swaps of S5": "delta", "words of S5": "4 reflections",
        "count mod 5": "2 reflections"}  # fmt: skip
NOISE, SPANS = 0.01, (16, 64, 512)


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Compute spectra and run the hand-made programmes."""
    batch, draws = (32, 300) if quick else (256, 1500)
    betas = np.linspace(0, 2, 21)
    data = {
        "delta_eigenvalue": (("beta", "eigenvalue"), [_delta(beta) for beta in betas])
    }
    for limit in (1, 2):
        found = _product(draws, limit)
        data[f"real_{limit}"] = ("draw", found.real)
        data[f"imaginary_{limit}"] = ("draw", found.imag)
    strengths = np.linspace(1, 2, 11 if quick else 41)
    rows, errors, faded = [], [], []
    for n, name in enumerate(COLOUR):
        if progress is not None:
            progress(n / len(COLOUR), name)
        runs = [track(name, batch, strength) for strength in (1.0, 2.0)]
        rows.append([scaled for scaled, _ in runs])
        errors.append(runs[1][1])
    for strength in strengths:
        scaled, _ = track("parity", batch, strength, NOISE)
        faded.append([scaled[: span + 1][span // 2 :].mean() for span in SPANS])
    data["accuracy"] = (("task", "limit", "token"), np.array(rows))
    data["largest_error"] = ("task", errors)
    data["faded"] = (("strength", "span"), faded)
    coordinates = {"beta": betas, "task": list(COLOUR), "limit": [1, 2],
                   "strength": strengths, "span": list(SPANS),
                   "token": np.arange(1, TOKENS + 1)}  # fmt: skip
    return xr.Dataset(data, coordinates, {"batch": batch})


def _delta(beta: float) -> np.ndarray:
    """Return the eigenvalues of one delta write with a unit key, from the rule's text."""
    found = fwp.rule("delta")
    key = np.array([0.48, 0.6, 0.64])
    return np.sort(
        _eigenvalues(found, {"k": key, "v": np.zeros(1), "beta": beta}, 3).real
    )


def _product(draws: int, limit: float) -> np.ndarray:
    """Return eigenvalues of DeltaProduct with two micro-writes: random unit keys and
    strengths."""
    found, rng, values = delta_product(2), np.random.default_rng(0), []
    for _ in range(draws):
        angle = rng.uniform(0, 2 * np.pi, 2)
        key = np.stack([np.cos(angle), np.sin(angle)], -1)
        strength = limit * rng.beta(0.5, 0.5, 2)  # often near the ends of the range
        signals = {"k": key[0], "k2": key[1], "v": np.zeros(1), "v2": np.zeros(1),
                   "alpha": 1.0, "beta": strength[0], "beta2": strength[1]}  # fmt: skip
        values.append(_eigenvalues(found, signals, 2))
    return np.concatenate(values).astype(complex)


def _eigenvalues(found, signals, dim: int) -> np.ndarray:
    placed = {
        name: arrays.to_home(np.asarray(signals[name]), home)
        for name, home in found.homes.items()
    }
    return np.linalg.eigvals(
        spectrum.matrix(found.statements, found.states, placed, (1, dim))
    )


def track(
    name: str, batch: int, strength: float, noise: float = 0.0
) -> tuple[np.ndarray, float]:
    """Return scaled accuracy [token], and the largest distance of a read-out from the
    exact one.

    Args:
        name: one of the four tasks.
        strength: the largest write strength, 2 for exact reflections.
        noise: standard deviation of noise on the read-out.
    """
    if name == "parity":
        task = tasks.parity()
    elif name == "count mod 5":
        task = tasks.cycle_navigation(POSITIONS)
    else:
        task = tasks.group_word_problem("S5", swaps_only=name.startswith("swaps"))
    drawn = task.sample(batch, length=TOKENS)
    if name == "parity":
        programme, chance = by_hand.reflect_parity(drawn.inputs, strength), 1 / 2
        exact = 1.0 - 2 * drawn.targets[..., None]
    elif name == "count mod 5":
        steps = np.array([0, 1, -1])[drawn.inputs]
        programme, chance = by_hand.rotate(steps, POSITIONS, strength), 1 / POSITIONS
        turn = 2 * np.pi * drawn.targets / POSITIONS
        exact = np.stack([np.cos(turn), np.sin(turn)], -1)
    else:
        elements = tasks.group_elements("S5")
        programme = by_hand.reflect_permutations(
            drawn.inputs, elements, strength=strength
        )
        exact = elements[drawn.targets]
        # after t swaps the sign of the permutation is known
        chance = 1 / 60 if task.parameters["swaps_only"] else 1 / 120
    readout, _ = apply(programme.rule, **programme.signals, form="step")
    error = float(np.abs(readout[:, :, 0].numpy() - exact).max())
    noisy = readout.numpy() + noise * np.random.default_rng(0).standard_normal(
        readout.shape
    )
    accuracy = (programme.decode(noisy) == drawn.targets).mean(axis=0)
    return (accuracy - chance) / (1 - chance), error


def report(data) -> str:
    """Return accuracies and the published ones."""
    lines = [
        f"scaled accuracy over {TOKENS} tokens, {data.attrs['batch']} sequences, no "
        "training"
    ]
    for name in data.task.values:
        kept = data.accuracy.sel(task=name, limit=2)
        lost = data.accuracy.sel(task=name, limit=1)[TOKENS // 2 :]
        lines.append(
            f"   {name:12} write strength 2: least {float(kept.min()):.3f} at any token, "
            f"largest read-out error {float(data.largest_error.sel(task=name)):.1e}; "
            f"strength 1: {float(lost.mean()):+.3f} over the second half"
        )
    lines.append("published, trained on parity (tokens 40 to 256): " + ", ".join(
        f"{name} {value:.3f}" for name, value in PUBLISHED.items()))  # fmt: skip
    return "\n".join(lines)


def _title(ax, letter: str, words: str) -> None:
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def plot(data):
    """Draw the spectra, accuracy against tokens and against the write strength."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.74))
    (line, plane), (course, fading) = figure.subplots(2, 2)
    _plot_line(line, data)
    _plot_plane(plane, data)
    _plot_course(course, data)
    _plot_fading(fading, data)
    return figure


def _plot_line(ax, data):
    beta = data.beta.values
    ax.axvspan(0, 1, color="#E8E8E8", lw=0)
    ax.plot([0, 2], [1, -1], color=GREY, lw=0.9, label=r"$1-\beta$, along the key")
    ax.plot([0, 2], [1, 1], "--", color=GREY, lw=0.9, label="1, all other directions")
    found = data.delta_eigenvalue.values
    ax.plot(beta, found[:, 0], "o", color=COLOUR["parity"], label="from the rule's text")
    ax.plot(beta, found[:, 1:], "o", color=COLOUR["parity"])
    ax.annotate("reflection:\ntracks parity", (2, -1), (1.12, -0.93), fontsize=7,
                va="center", arrowprops={"arrowstyle": "->", "lw": 0.7})  # fmt: skip
    ax.annotate("overwrites\nthe key's value", (1, 0), (0.1, -0.42), fontsize=7,
                va="center", arrowprops={"arrowstyle": "->", "lw": 0.7})  # fmt: skip
    ax.set_xticks([0, 0.5, 1, 1.5, 2])
    ax.text(0.5, -1.12, "no negative eigenvalue", ha="center", fontsize=7, color=GREY)
    ax.set(xlim=(0, 2.06), ylim=(-1.25, 1.15), xlabel=r"write strength $\beta$",
           ylabel="eigenvalue of the transition")  # fmt: skip
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.93), fontsize=6.5)
    _title(ax, "a", "Delta: one write")


def _plot_plane(ax, data):
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(turn), np.sin(turn), color=GREY, lw=0.8)
    for limit, colour, size in ((2, "#56B4E9", 2.2), (1, "black", 1.6)):
        x, y = data[f"real_{limit}"].values, data[f"imaginary_{limit}"].values
        ax.plot(x, y, "o", ms=size, mew=0, color=colour, rasterized=True,
                label=rf"$\beta \leq {limit}$")  # fmt: skip
    for step in (1, -1):
        angle = 2 * np.pi * step / POSITIONS
        ax.plot(np.cos(angle), np.sin(angle), "*", ms=9, color=COLOUR["count mod 5"],
                mec="black", mew=0.4, label="counts modulo 5"
                if step > 0 else None)  # fmt: skip
    ax.set(
        xlabel="real part",
        ylabel="imaginary part",
        xlim=(-1.15, 2.35),
        ylim=(-1.15, 1.15),
    )
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.set_aspect("equal")
    ax.legend(loc="center right", fontsize=6.5, markerscale=1.3)
    _title(ax, "b", "DeltaProduct: two writes a token")


def _bins(values):
    """Average over tokens 1, 2, 3-4, 5-8, ...: bin ends and means."""
    ends = 2 ** np.arange(int(np.log2(TOKENS)) + 1)
    starts = np.concatenate([[0], ends[:-1]])
    return ends, np.array([values[a:b].mean() for a, b in zip(starts, ends, strict=True)])


def _plot_course(ax, data):
    sizes = (8.5, 6.5, 4.5, 2.5)  # nested, since at strength 2 all lines are one
    for name, size in zip(data.task.values, sizes, strict=True):
        for limit, line, mark in ((2, "-", "o"), (1, "--", "s")):
            ends, means = _bins(data.accuracy.sel(task=name, limit=limit).values)
            colour, kept = COLOUR[str(name)], limit == 2
            ax.plot(ends, means, line, marker=mark, color=colour, ms=size
                    if kept else 3.5, mfc=colour if kept else "white", mew=0
                    if kept else 1, label=f"{name} ({RULE[str(name)]})"
                    if kept else None)  # fmt: skip
    for value, words in zip(PUBLISHED.values(), ("[0, 2]", "[0, 1]"), strict=True):
        ax.plot(
            [40, 256],
            [value] * 2,
            color="#CCCCCC",
            lw=11,
            solid_capstyle="butt",
            zorder=0,
        )
        ax.text(100, value + 0.055, rf"published (parity), $\beta\in${words}",
                ha="center", fontsize=6.5, color=GREY)  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    ax.set(xlabel="token", ylabel="scaled accuracy", ylim=(-0.07, 1.2))
    first = ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.62), fontsize=6.5)
    ax.add_artist(first)
    kinds = [ax.plot([], [], line, marker=mark, color="black", mfc=fill, ms=3.5)[0]
             for line, mark, fill in (("-", "o", "black"), ("--", "s",
                 "white"))]  # fmt: skip
    ax.legend(kinds, [r"$\beta = 2$", r"$\beta = 1$"], loc="center right", fontsize=6.5,
              bbox_to_anchor=(1.0, 0.33))  # fmt: skip
    _title(ax, "c", "Exact at 2, lost at 1")


def _plot_fading(ax, data):
    for span, mark, colour in zip(
        data.span.values, ("o", "s", "^"), ("#56B4E9", "#0072B2", "black"), strict=True
    ):
        values = data.faded.sel(span=span)
        ax.plot(
            data.strength,
            values,
            f"-{mark}",
            color=colour,
            label=f"{span // 2} to {span}",
        )
    ax.set(xlabel=r"write strength $\beta$ of a 1", ylabel="scaled accuracy, parity",
           ylim=(-0.07, 1.12))  # fmt: skip
    ax.legend(loc="upper left", title="tokens", title_fontsize=7)
    ax.text(1.02, 0.47, f"read-out noise\nof s.d. {NOISE:g}", fontsize=7, color=GREY)
    _title(ax, "d", "A noisy read needs a strength near 2")
