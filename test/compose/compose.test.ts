import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseApiKeys } from '@sluice/service'
import { beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { lacks } from '../lacks.ts'
import { type ComposeService, composeConfig, composeText, ROOT, variablesOf } from './compose-file.ts'

const MEMORY_OF_ALL_BYTES = 8 * 1024 ** 3
const SECRET = /(PASSWORD|SECRET_KEY|ACCESS_KEY|TOKEN|API_KEYS|_KEY)$/

const run = promisify(execFile)

describe('docker-compose.yml', () => {
  let text: string
  let config: Awaited<ReturnType<typeof composeConfig>>
  beforeAll(async () => {
    text = await composeText()
    config = await composeConfig()
  })

  /** All services by name, or the test is skipped with its reason. */
  function servicesOr(context: TestContext): [string, ComposeService][] {
    if ('reason' in config) {
      lacks(context.skip, config.reason)
      return []
    }
    return Object.entries(config.services)
  }

  it('publishes every port on loopback', (context) => {
    const ports = servicesOr(context).flatMap(([name, { ports = [] }]) => ports.map((port) => ({ name, ...port })))
    expect(ports.length).toBeGreaterThan(10)
    expect(ports.filter(({ host_ip }) => host_ip !== '127.0.0.1')).toEqual([])
  })

  it('has a variable for every port of the host, and no two services take the same one', (context) => {
    const published = text.matchAll(/127\.0\.0\.1:([^:\s"]+(?::-\d+\})?):(\d+)/g)
    const wrong = [...published].filter(([, host = '']) => !/^\$\{[A-Z0-9_]+_PORT:-\d+\}$/.test(host))
    expect(wrong.map(([port]) => port)).toEqual([])
    const hosts = servicesOr(context).flatMap(([, { ports = [] }]) => ports.map(({ published: host }) => host))
    expect(new Set(hosts).size).toBe(hosts.length)
  })

  it('has a health check for every service, here or in its Dockerfile', async (context) => {
    const unchecked: string[] = []
    for (const [name, { healthcheck, build }] of servicesOr(context)) {
      const dockerfile = build && (await readFile(join(build.context, 'Dockerfile'), 'utf8'))
      if (healthcheck?.disable || (!healthcheck?.test && !dockerfile?.includes('\nHEALTHCHECK '))) unchecked.push(name)
    }
    expect(unchecked).toEqual([])
  })

  it('fits into 8 GB, and limits every service', (context) => {
    const services = servicesOr(context)
    expect(services.filter(([, { mem_limit }]) => mem_limit === undefined).map(([name]) => name)).toEqual([])
    const byDefault = services.filter(([, { profiles = [] }]) => profiles.length === 0)
    const sum = byDefault.reduce((bytes, [, { mem_limit }]) => bytes + Number(mem_limit), 0)
    expect(sum).toBeLessThanOrEqual(MEMORY_OF_ALL_BYTES)
  })

  it('pins every image to a version', (context) => {
    const images = servicesOr(context).flatMap(([name, { image = '', build }]) => (build ? [] : [[name, image]]))
    expect(images.length).toBeGreaterThan(6)
    expect(images.filter(([, image]) => !/:[^:/]*\d[^:/]*$/.test(image ?? '') || image?.includes('latest'))).toEqual([])
  })

  it('waits only for services that it has, and for their health', (context) => {
    const services = servicesOr(context)
    const names = new Set(services.map(([name]) => name))
    const waits = services.flatMap(([name, { depends_on = {} }]) =>
      Object.entries(depends_on).map(([other, { condition }]) => ({ name, other, condition })),
    )
    expect(waits.length).toBeGreaterThan(10)
    expect(waits.filter(({ other, condition }) => !names.has(other) || condition !== 'service_healthy')).toEqual([])
  })

  it('lets nobody wait for Kibana, nor for what it is given', (context) => {
    const waiting = servicesOr(context).filter(
      ([, { depends_on = {} }]) => 'kibana' in depends_on || 'provision' in depends_on,
    )
    expect(waiting.map(([name]) => name)).toEqual([])
  })

  it('mounts only files that the repository has, and none to be written', (context) => {
    const mounts = servicesOr(context).flatMap(([name, { volumes = [] }]) =>
      volumes.filter(({ type }) => type === 'bind').map((mount) => ({ name, ...mount })),
    )
    expect(mounts.length).toBeGreaterThan(3)
    expect(mounts.filter(({ source, read_only }) => !read_only || !existsSync(source ?? ''))).toEqual([])
  })

  it('runs our services without root and on a read-only root', (context) => {
    const ours = servicesOr(context).filter(
      ([, { image = '' }]) => image.startsWith('sluice/') || image.startsWith('node:'),
    )
    expect(ours.length).toBeGreaterThan(7)
    expect(ours.filter(([, { read_only }]) => read_only !== true).map(([name]) => name)).toEqual([])
  })

  it('works without an .env: every variable has a default', () => {
    const variables = variablesOf(text)
    expect(variables.size).toBeGreaterThan(20)
    expect([...variables].filter(([, fallback]) => fallback === undefined)).toEqual([])
  })

  describe('with the .env of scripts/make-env.ts', () => {
    async function madeEnv(): Promise<Record<string, string>> {
      const { stdout } = await run(process.execPath, [join(ROOT, 'scripts/make-env.ts')])
      const pairs = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return Object.fromEntries(pairs.map((line) => line.split(/=(.*)/s).slice(0, 2)))
    }

    it('every secret of the file is random, long, and another one each time', async () => {
      const [first, second] = await Promise.all([madeEnv(), madeEnv()])
      const secrets = [...variablesOf(text).keys()].filter((name) => SECRET.test(name))
      expect(secrets.length).toBeGreaterThan(7)
      expect(secrets.filter((name) => (first[name] ?? '').length < 16 || first[name] === second[name])).toEqual([])
    })

    it('sets nothing that the file does not know', async () => {
      const known = variablesOf(text)
      expect(Object.keys(await madeEnv()).filter((name) => !known.has(name))).toEqual([])
    })

    it('has keys that the services take, and that the demo and the scripts send', async () => {
      const env = await madeEnv()
      const keys = parseApiKeys(env['SLUICE_API_KEYS'])
      expect(keys.map(({ name, scopes }) => [name, [...scopes].sort()])).toEqual([
        ['app', ['ingest']],
        ['reader', ['query']],
        ['operator', ['admin', 'ingest', 'query']],
      ])
      expect(env['SLUICE_API_KEYS']).toContain(`app:${env['DEMO_KEY']}:`)
      expect(env['SLUICE_API_KEYS']).toContain(`reader:${env['CONSOLE_KEY']}:`)
      expect(env['SLUICE_OPEN']).toBe('0')
    })

    it('no default secret is left in any service', async (context) => {
      const made = await composeConfig(await madeEnv())
      if ('reason' in made) return lacks(context.skip, made.reason)
      const values = JSON.stringify(Object.values(made.services).map(({ environment }) => environment))
      expect(values).not.toMatch(/sluice-demo|sluice:sluice@/)
    })
  })
})
