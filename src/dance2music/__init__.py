"""Music for a dance: a dance video in, the same video with newly generated music that is in time with the dancer out."""

__version__ = "0.1.0"
