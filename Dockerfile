# Chorus in one image, for any NVIDIA host and for Modal; without a GPU it speaks too. No weights are inside: those of
# XTTS have a licence that is the user's to accept, and Whisper's are as large as one likes. Any BuildKit builds it:
# docker build -t chorus .

# torch's wheels bring the CUDA libraries, so the smallest base is enough. Any Debian or Ubuntu with Python 3.11 or 3.12
# fits; for later ones a package (mojimoji, for Japanese) has no wheel, and no compiler is in here.
ARG BASE_IMAGE=nvidia/cuda:13.0.2-base-ubuntu24.04

FROM ${BASE_IMAGE} AS python
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

# What installs stays out of the image: the next stages mount uv and the wheel from these two.
FROM python AS uv
COPY requirements/uv.txt /tmp/
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /tmp/uv.txt

FROM uv AS wheel
COPY requirements/build.txt /tmp/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /tmp/build.txt
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python
ENV UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_PYTHON=/opt/venv

# --- torch, the layer that changes least. A driver older than 580 needs other wheels than the locked ones:
# --build-arg TORCH_INDEX=<the package index that pytorch.org names for your CUDA version>. The same versions are
# taken from there, with the CUDA that they need, and without hashes.
# What is deleted is of no use at run time, and 146 MB of the compressed image: libraries that nothing links to
# (solvers over several GPUs, a second compiler) and parts for compiling device code.
ARG TORCH_INDEX=
RUN --mount=type=cache,target=/var/cache/uv \
    --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=requirements/torch.txt,target=/tmp/torch.txt \
    --mount=type=bind,source=docker/unused.txt,target=/tmp/unused.txt \
    if [ -z "$TORCH_INDEX" ]; then \
        /opt/uv/bin/uv pip install --no-deps --require-hashes --excludes /tmp/unused.txt -r /tmp/torch.txt; \
    else \
        sed -nE '/^(cuda|nvidia|triton)/d; s/^([a-z].*[^ ]) *\\$/\1/p' /tmp/torch.txt > /tmp/versions.txt \
        && /opt/uv/bin/uv pip install --index "$TORCH_INDEX" --index-strategy unsafe-best-match \
            --excludes /tmp/unused.txt -r /tmp/versions.txt; \
    fi \
    && find /opt/venv -path '*/nvidia/*' \( -name 'libcusolverMg.so*' -o -name 'libnvrtc*.alt.so*' \
        -o -name 'libnvshmem_device.*' \) -delete

# --- What else the server needs, and the bytecode of what it imports.
RUN --mount=type=cache,target=/var/cache/uv \
    --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=requirements/build.txt,target=/tmp/build.txt \
    --mount=type=bind,source=requirements/torch.txt,target=/tmp/torch.txt \
    --mount=type=bind,source=requirements/xtts.txt,target=/tmp/xtts.txt \
    --mount=type=bind,source=requirements/asr.txt,target=/tmp/asr.txt \
    --mount=type=bind,source=requirements/c2pa.txt,target=/tmp/c2pa.txt \
    --mount=type=bind,source=docker/unused.txt,target=/tmp/unused.txt \
    --mount=type=bind,source=docker/imports.py,target=/tmp/imports.py \
    /opt/uv/bin/uv pip install --no-deps --require-hashes --build-constraints /tmp/build.txt \
        --excludes /tmp/torch.txt --excludes /tmp/unused.txt -r /tmp/xtts.txt -r /tmp/asr.txt -r /tmp/c2pa.txt \
    && find /opt/venv -path '*/c2pa/libs/*' ! -name '*.so' -type f -delete \
    && HOME=/tmp/home python /tmp/imports.py \
    && rm -rf /tmp/home

# --- The server. It runs as any user; what it keeps lies in /data, what it needs for a moment in /tmp.
RUN groupadd --gid 10001 chorus \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin chorus \
    && install --directory --owner 10001 --group 10001 /data
COPY docker/entrypoint.sh docker/healthcheck.py /opt/chorus/
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    /opt/uv/bin/uv pip install --no-cache --no-deps /wheel/*.whl \
    && python -m compileall -q /opt/venv/lib/python3*/site-packages/app

# NVIDIA_DISABLE_REQUIRE: when the driver is too old for torch, Chorus says so itself, with both versions and the way out.
ENV CHORUS_ENGINE=xtts \
    CHORUS_DATA=/data \
    CHORUS_HOST=0.0.0.0 \
    CHORUS_PORT=8000 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_DISABLE_REQUIRE=true

ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Chorus" \
      org.opencontainers.image.description="Text to speech, voice cloning and speech to text for many callers at once, with XTTS v2 and Whisper" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# The first start may fetch 1.9 GB of weights: a server that is still loading is not called unhealthy for half an hour.
HEALTHCHECK --interval=3s --timeout=5s --retries=3 --start-period=30m CMD ["python", "-I", "-S", "/opt/chorus/healthcheck.py"]
ENTRYPOINT ["/opt/chorus/entrypoint.sh"]
CMD ["chorus", "serve"]
