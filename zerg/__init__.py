"""zerg: a light, local archive of the transcripts of coding agents."""

__version__ = "0.1.0"
