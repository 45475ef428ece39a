"""Recurrent networks: fast weights with their own slow weights, and activation memories."""

from .base import Recurrent
from .registry import network, networks, register

__all__ = ["Recurrent", "network", "networks", "register"]
