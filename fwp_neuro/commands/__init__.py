"""The subcommands of ``fwp-neuro``: each module has ``add(parser)`` and
``execute(arguments)``."""

from __future__ import annotations

from importlib import import_module

from fwp_neuro.registry import Registry

COMMANDS = Registry("command")
for _name, _module, _summary in (
    ("run", "fwp_neuro.commands.run",
     "run a model, print its table and draw its figure"),
    ("sweep", "fwp_neuro.commands.sweep",
     "run a model at every combination of parameter values; status 1 if a point failed"),
    ("figures", "fwp_neuro.commands.figures",
     "make the figures, simulating only what has changed"),
    ("validate", "fwp_neuro.commands.validate",
     "run the models against their published numbers; status 1 if one unexpectedly "
     "fails"),
    ("fit", "fwp_neuro.commands.fit",
     "fit synapse models to a CSV file of measurements, rank and draw them"),
    ("plasticity", "fwp_neuro.commands.plasticity",
     "measure plasticity rules as fast-weight rules: write, erase, decay, gate, storage"),
    ("benchmark", "fwp_neuro.commands.benchmark",
     "measure speed and memory of the package's own forms and circuits"),
    ("list", "fwp_neuro.commands.listing",
     "list everything that has a name, or all of one kind"),
    ("show", "fwp_neuro.commands.show",
     "print everything known of what has a name"),
    ("cite", "fwp_neuro.commands.cite",
     "print BibTeX of the software and of what has a name, or of what a saved run used"),
    ("coverage", "fwp_neuro.commands.coverage",
     "fit simulated tables; count the 95 % intervals that hold the truth; status 1 if "
     "too few"),
):  # fmt: skip
    COMMANDS.add(
        _name, lambda module=_module: import_module(module), _summary, "this package"
    )
