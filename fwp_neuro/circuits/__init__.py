"""Brian2 circuits that run a fast-weight programme: rate circuits and spiking circuits."""
