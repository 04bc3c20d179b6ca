# Darkroom on Debian, without root and without anything that it writes outside of /data and /tmp.
#   docker build -t darkroom .
#   docker run -p 127.0.0.1:3000:3000 -e DARKROOM_WEB_TOKEN=… -v darkroom:/data --read-only --tmpfs /tmp darkroom
# docs/deploy.md has the rest: compose, GPUs, backups.
ARG NODE_IMAGE=docker.io/library/node:24-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image has its Node already, and needs onnxruntime for one system only.
RUN npm ci --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/node-bin-* \
    node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32 \
  && case "$(uname -m)" in x86_64) rm -rf node_modules/onnxruntime-node/bin/napi-v6/linux/arm64 ;; \
    *) rm -rf node_modules/onnxruntime-node/bin/napi-v6/linux/x64 ;; esac
COPY adapters adapters
COPY bin bin
COPY commands commands
COPY config config
COPY models models
COPY scripts/healthcheck.js scripts/make-bucket.js scripts/
COPY src src
COPY LICENSE README.md CHANGELOG.md ./

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Darkroom" org.opencontainers.image.licenses="Apache-2.0"
# CUDA libraries (`darkroom gpu install`) and models go into the volume.
ENV NODE_ENV=production \
  DARKROOM_DATA=/data \
  DARKROOM_HOST=0.0.0.0 \
  DARKROOM_PORT=3000 \
  XDG_CACHE_HOME=/data/cache
COPY --from=build /app /app
RUN ln -s /app/bin/darkroom.js /usr/local/bin/darkroom && install -d -o 1000 -g 1000 -m 700 /data
WORKDIR /app
USER 1000:1000
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s CMD ["node", "scripts/healthcheck.js"]
ENTRYPOINT ["node", "src/main.ts"]
CMD ["serve"]
