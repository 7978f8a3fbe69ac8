# The speech worker and espeak-ng: a GPL program in an image of its own (docs/decisions/0011-speech-is-an-image-of-its-own.md).
#   docker build -f docker/speech.Dockerfile -t lantoa/speech:0.1.0 .
# It runs no server. It copies the program into the folder /speech that it shares with content, and ends.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements/speech.txt .
RUN python3 -m pip install --no-cache-dir --require-hashes --target /opt/speech -r speech.txt
COPY workers/speech/ /opt/speech/

FROM ${PYTHON}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="lantoa-speech" \
      org.opencontainers.image.description="Text in, PCM out, with espeak-ng" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /opt/speech /opt/speech
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["cp", "-R", "/opt/speech/.", "/speech/"]
