#!/bin/sh
# What a container runs. A command of the image is run as it is, anything else is a command of chorus:
# `docker run chorus`, `docker run chorus doctor`, `docker run chorus python -c ...`.
set -eu

if [ $# -eq 0 ]; then
    set -- chorus serve
elif ! command -v "$1" >/dev/null; then
    set -- chorus "$@"
fi

# exec: the server is process 1 itself, so that `docker stop` reaches it and its exit status is the container's.
exec "$@"
