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
# # Adapt a figure, and take it away
#
# Every figure of the package is a script in `figures/`: `simulate` makes a labelled dataset, `plot` draws it.
# This notebook takes one, changes what is simulated and how it is drawn, and writes picture and data.

# %%
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt

import fwp_neuro as fwp
from fwp_neuro.figure_scripts import script_named
from fwp_neuro.plotting import save, style

script = script_named("fig22_three_memories")
print(script.__doc__)

# %% [markdown]
# ## Its data
#
# An xarray Dataset, with names and units.

# %%
data = script.simulate()
data

# %% [markdown]
# ## Another size
#
# Parameters stand at the top of the script, as names in capitals. Here one head has 16 dimensions instead of 64.

# %%
script.DIM = 16
small = script.simulate()
with style():
    figure = script.plot(small)
figure.axes[1].set_ylabel("numbers kept (d = 16)")
figure

# %% [markdown]
# ## A picture of your own from the same data

# %%
with style():
    own, ax = plt.subplots(figsize=(fwp.plotting.COLUMN, 2.2))
    ratio = small["kept"].sel(memory="key-value cache (attention)") / small["kept"].sel(
        memory="fast weights (synapses)"
    )
    ax.loglog(small["tokens"], ratio, color=fwp.plotting.COLOURS["spiking"])
    ax.axhline(1, color=fwp.plotting.GREY, ls="--", lw=0.8)
    ax.set(xlabel="tokens so far", ylabel="cache / fast weights")
plt.show()

# %% [markdown]
# ## Take it away
#
# Pictures as PNG, PDF or SVG; the data as netCDF or as a table.

# %%
with TemporaryDirectory() as folder:
    print(save(own, f"{folder}/ratio.pdf").name)
    table = small["kept"].to_dataframe().reset_index()
    table.to_csv(f"{folder}/kept.csv", index=False)
    small.to_netcdf(f"{folder}/kept.nc", engine="h5netcdf")
table.head()

# %% [markdown]
# On the command line: copy the script into your folder, change it, and
#
#     fwp-neuro figures ./my_figure.py --format pdf,svg --data csv --out here
#
# draws it. What it simulated is kept, and simulated again only if the code of `simulate` changes.
