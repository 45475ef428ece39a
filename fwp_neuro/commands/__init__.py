"""The subcommands of ``fwp-neuro``: each module has ``add(parser)`` and ``execute(arguments)``."""
