# syntax=docker/dockerfile:1
# Three images from one file: `server` (no torch), `worker` (CPU) and `worker-gpu` (CUDA).
ARG PYTHON=3.11.14-slim-bookworm

# The project as a wheel: built once, and its tools and sources stay behind.
FROM python:${PYTHON} AS wheel
WORKDIR /source
COPY pyproject.toml README.md ./
COPY requirements requirements
COPY app app
COPY worker worker
COPY templates templates
COPY static static
COPY migrations migrations
COPY examples examples
COPY traindeck traindeck
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON} AS base
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    TRAINDECK_DATA_DIR=/data
# Made here with its owner, so that a named volume that is mounted there belongs to it too.
RUN useradd --uid 10001 --user-group --create-home traindeck \
    && install --directory --owner=traindeck --group=traindeck /data
WORKDIR /home/traindeck
COPY constraints.txt /tmp/constraints.txt
COPY requirements /tmp/requirements

FROM base AS server
RUN pip install --requirement /tmp/requirements/server.txt
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-deps /wheels/*.whl
USER traindeck
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "app.probe", "server"]
CMD ["traindeck", "serve", "--host", "0.0.0.0"]

FROM base AS worker
# The address of PyTorch's index of CPU builds: with it, gigabytes of CUDA stay out of this image.
ARG TORCH_INDEX_URL=""
RUN if [ -n "$TORCH_INDEX_URL" ]; then \
        pip install --constraint /tmp/constraints.txt --index-url "$TORCH_INDEX_URL" torch torchvision; \
    fi
RUN pip install --constraint /tmp/constraints.txt \
    --requirement /tmp/requirements/server.txt --requirement /tmp/requirements/worker.txt torchvision
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-deps /wheels/*.whl
USER traindeck
VOLUME /data
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "app.probe", "worker"]
CMD ["traindeck", "worker"]

FROM base AS worker-gpu
# PyPI's build brings CUDA along; the machine brings the driver, and the NVIDIA Container Toolkit shows it.
RUN pip install --constraint /tmp/constraints.txt \
    --requirement /tmp/requirements/server.txt --requirement /tmp/requirements/worker.txt torchvision
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-deps /wheels/*.whl
USER traindeck
VOLUME /data
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "app.probe", "worker"]
CMD ["traindeck", "worker"]
