# syntax=docker/dockerfile:1
# One image a service: docker build --build-arg SERVICE=ingest .
# Node runs the sources as they are (type stripping); there is no build step.
ARG NODE_IMAGE=node:26-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS node

FROM node AS install
ARG SERVICE
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY packages packages
COPY services services
RUN --mount=type=cache,target=/root/.local/share/pnpm/store \
    npx -y pnpm@12.21.0 install --prod --frozen-lockfile --package-import-method=copy --filter "@sluice/${SERVICE}..." \
 # What only a laptop needs: a Node of its own and the embedded databases.
 && rm -rf node_modules/.pnpm/node@* node_modules/.pnpm/node-bin-* node_modules/.pnpm/@ladybugdb* node_modules/.pnpm/@electric-sql* \
 && find node_modules/.pnpm -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
 && find packages services -name test -type d -not -path '*/node_modules/*' -exec rm -rf {} +

FROM ${BASE_IMAGE}
ARG SERVICE
COPY --from=node /usr/local/bin/node /usr/local/bin/node
RUN apt-get update && apt-get install -y --no-install-recommends libatomic1 libstdc++6 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
# Large blocks that were freed go back to the system at once: by itself the allocator raises this to 32 MB and keeps them.
ENV MALLOC_MMAP_THRESHOLD_=131072
ENV NODE_ENV=production SLUICE_HOST=0.0.0.0 SLUICE_PORT=8080 SLUICE_SCRATCH=/var/lib/sluice SERVICE=${SERVICE}
COPY --from=install /app /app
RUN mkdir -p /var/lib/sluice && chown node:node /var/lib/sluice
USER node
WORKDIR /app/services/${SERVICE}
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=12 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.SLUICE_PORT + '/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
