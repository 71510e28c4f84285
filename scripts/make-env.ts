import { randomBytes } from 'node:crypto'

/**
 * Prints an `.env` for docker-compose.yml with random secrets and API keys: `npm run -s make-env > .env`, or without npm
 * `docker compose run --rm -T make-env > .env`, before the first `docker compose up`. The databases keep the passwords of their first start: with another `.env` they let nobody in.
 */

const secret = (bytes = 24): string => randomBytes(bytes).toString('hex')

const keys = { app: secret(), reader: secret(), operator: secret() }

const variables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'API keys, as name:secret:scope+scope. Clients send the secret as "Authorization: Bearer …".': {
    SLUICE_OPEN: '0',
    SLUICE_API_KEYS: `app:${keys.app}:ingest,reader:${keys.reader}:query,operator:${keys.operator}:ingest+query+admin`,
  },
  'Keys that services of the profiles demo and trino send.': { DEMO_KEY: keys.app, CONSOLE_KEY: keys.reader },
  'Object store.': { S3_ACCESS_KEY: secret(8), S3_SECRET_KEY: secret() },
  'Databases.': {
    POSTGRES_PASSWORD: secret(),
    INFLUXDB_PASSWORD: secret(),
    INFLUXDB_TOKEN: secret(32),
    NEO4J_PASSWORD: secret(),
  },
  'Grafana: user admin.': { GRAFANA_PASSWORD: secret(), GRAFANA_ANONYMOUS: 'false' },
}

for (const [comment, values] of Object.entries(variables)) {
  const lines = Object.entries(values).map(([name, value]) => `${name}=${value}`)
  process.stdout.write(`# ${comment}\n${lines.join('\n')}\n\n`)
}
