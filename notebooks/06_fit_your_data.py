# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fit your own table and compare models
#
# You have a CSV from the rig: weight ratios after pairings of spikes, or amplitudes in a train. This notebook
# reads such a table as it is, fits published synapse models to it, and ranks them.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import fwp_neuro as fwp

# %% [markdown]
# ## A published table
#
# The package has two. This one holds pairings of pyramidal cells at several frequencies and lags
# (Sjöström, Turrigiano & Nelson 2001). `ratio` is the weight afterwards over the weight before.

# %%
path = fwp.synapses.data_sets()["sjostrom_2001_pairings"]
print(path.read_text())

# %% [markdown]
# ## Fit two rules
#
# The pair rule knows one lag at a time. The triplet rule also sees how often the cells fire. We free the
# amplitudes and leave the time constants as published.

# %%
pair = fwp.synapses.fit("pair_stdp", "sjostrom_2001_pairings", free=["A_plus", "A_minus"])
triplet = fwp.synapses.fit(
    "triplet_stdp", "sjostrom_2001_pairings", "visual_cortex_all_to_all_minimal",
    free=["A3_plus", "A2_minus"],
)  # fmt: skip
print(triplet.report())

# %% [markdown]
# ## Which one do the data prefer?
#
# AICc is Akaike's criterion for small samples: lower is better. `weight` is the share of the evidence,
# if one of these models is the best. chi2/dof near 1 means that the errors of the table explain what is left.

# %%
fwp.synapses.compare_fits([pair, triplet]).round(3)

# %%
triplet.plot(pair)

# %% [markdown]
# The pair rule cannot raise the weight at 40 Hz with the postsynaptic spike first; the triplet rule does.
#
# ## A table as people have it
#
# Semicolons, decimal commas, a comment, a header with its own words. Units and percent are read from the header, or
# told from the size of the numbers with a warning.

# %%
text = """# cell 7, 3 March
Lag [ms];frequency [Hz];pairs;change [%];sem
10;20;60;24,5;8
10;40;60;48,0;10
-10;20;60;-33,1;7
-10;40;60;45,9;12
25;20;60;-20,0;9
"""
with TemporaryDirectory() as folder:
    mine = Path(folder) / "mine.csv"
    mine.write_text(text, encoding="utf-8-sig")
    found = fwp.synapses.fit(
        "triplet_stdp", mine, "visual_cortex_all_to_all_minimal", free=["A3_plus", "A2_minus"]
    )
print(found.report())

# %% [markdown]
# The command line does the same: `fwp-neuro fit mine.csv --model triplet_stdp,pair_stdp --plot fit.pdf`.
