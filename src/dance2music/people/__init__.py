"""Everybody in a picture: followed, told apart, weighed."""
