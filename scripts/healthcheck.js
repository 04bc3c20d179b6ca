// Whether `darkroom serve` in this container is alive: exit code 0 or 1, for HEALTHCHECK.
const port = process.env.DARKROOM_PORT ?? 3000;
const isAlive = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(4000) }).then(
  ({ ok }) => ok,
  () => false,
);
process.exitCode = isAlive ? 0 : 1;
