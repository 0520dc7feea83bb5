"""Recordings to text: requests, their events and the formats of the result."""
