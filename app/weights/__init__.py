"""Folders of models of any kind: named by a setting, fetched from the hub, verified, placed and diagnosed."""
