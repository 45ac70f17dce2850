"""Listening tests in a browser: build a folder that needs no server, and score the files that listeners send back."""
