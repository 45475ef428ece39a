"""Recurrent networks: fast weights with their own slow weights, and activation
memories."""

from .elementwise_recurrence import Elementwise
from .recurrent_class import Recurrent
from .registered_networks import network, networks, register

__all__ = ["Elementwise", "Recurrent", "network", "networks", "register"]
