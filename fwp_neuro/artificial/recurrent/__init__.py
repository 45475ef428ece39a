"""Recurrent networks: fast weights with their own slow weights, and activation memories."""

from .base import Recurrent
from .elementwise import Elementwise
from .registry import network, networks, register

__all__ = ["Elementwise", "Recurrent", "network", "networks", "register"]
