"""Match and control."""
