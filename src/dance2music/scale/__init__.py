"""Prepared data that outgrows one machine: shards, their index, object storage; plans and costs."""
