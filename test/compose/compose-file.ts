import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const ROOT = resolve(import.meta.dirname, '../..')
export const PROFILES = ['demo', 'grafana', 'trino', 'spark'] as const

/** What we look at of a service in `docker compose config`. */
export interface ComposeService {
  image?: string
  build?: { context: string; args?: Record<string, string> }
  profiles?: string[]
  healthcheck?: { test?: string[]; disable?: boolean }
  mem_limit?: string
  ports?: { host_ip?: string; published?: string; target: number }[]
  environment?: Record<string, string | null>
  volumes?: { type: string; source?: string; target: string; read_only?: boolean }[]
  depends_on?: Record<string, { condition: string }>
  restart?: string
  read_only?: boolean
  user?: string
}

export const readRepository = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8')

export const composeText = (): Promise<string> => readRepository('docker-compose.yml')

/** The file as Compose understands it, without any `.env`, or why that cannot be known here. */
export async function composeConfig(
  variables: Readonly<Record<string, string>> = {},
): Promise<{ services: Readonly<Record<string, ComposeService>> } | { reason: string }> {
  const profiles = PROFILES.flatMap((profile) => ['--profile', profile])
  const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...variables }
  try {
    await run('docker', ['compose', 'version'], { env: environment })
  } catch {
    return { reason: 'there is no docker compose here' }
  }
  const { stdout } = await run(
    'docker',
    [
      'compose',
      '--env-file',
      '/dev/null',
      '-f',
      join(ROOT, 'docker-compose.yml'),
      ...profiles,
      'config',
      '--format',
      'json',
    ],
    { env: environment, maxBuffer: 16 * 1024 * 1024 },
  )
  const { services }: { services: Record<string, ComposeService> } = JSON.parse(stdout)
  return { services }
}

/** Variables of the file with their defaults; `undefined`: one without a default. */
export function variablesOf(text: string): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const [, name = '', , fallback] of text.matchAll(/\$\{([A-Z0-9_]+)(:-([^}]*))?\}/g)) found.set(name, fallback)
  return found
}
