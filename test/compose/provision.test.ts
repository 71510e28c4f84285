import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { influxdb } from '../../infra/provision/influxdb.ts'
import { kibana } from '../../infra/provision/kibana.ts'
import { guideServer } from '../../infra/provision/neo4j-guide.ts'
import { provision } from '../../infra/provision/provision.ts'
import { type Target, TargetError } from '../../infra/provision/target.ts'
import { targetsOf } from '../../infra/provision/targets.ts'
import { trino } from '../../infra/provision/trino.ts'

const INFRA = new URL('../../infra/', import.meta.url)
const never = new AbortController().signal

const opened: Server[] = []
afterEach(() => {
  for (const server of opened.splice(0)) server.close()
})

/** A server that answers by `METHOD path`; 404 for anything else. */
async function fakeServer(
  answer: (call: string, body: string, request: IncomingMessage) => { status?: number; json: unknown } | undefined,
): Promise<{ url: string; calls: string[] }> {
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const call = `${request.method} ${request.url}`
    calls.push(call)
    const { status = 200, json } = answer(call, Buffer.concat(parts).toString(), request) ?? { status: 404, json: {} }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
  })
  opened.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls }
}

describe('provision', () => {
  /** Time that passes only by pauses. */
  function run(targets: Target[], patience_ms = 10_000) {
    const lines: string[] = []
    const ending = new AbortController()
    let now = 0
    const pause = async (ms: number) => {
      now += ms
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { settled, finished } = provision({
      targets,
      log: (line) => lines.push(line),
      pause,
      now: () => now,
      patience_ms,
      signal: ending.signal,
    })
    return { lines, settled, finished, end: () => ending.abort() }
  }
  const there: Target = { name: 'there', apply: async () => 'done' }
  const away: Target = {
    name: 'away',
    apply: async () => {
      throw new TargetError('away', 'nobody answers')
    },
  }

  it('a server that is away for good holds up nothing else, and is set aside when patience ends', async () => {
    const { settled, finished, lines, end } = run([away, there])
    expect(await settled).toEqual({ away: 'set aside', there: 'applied' })
    expect(lines).toEqual(['away: nobody answers; it is tried again', 'there: done'])
    end()
    await finished
  })

  it('a server that comes later is still given its things', async () => {
    let calls = 0
    const late: Target = {
      name: 'late',
      async apply() {
        if (++calls < 30) throw new TargetError('away', 'not yet')
        return 'done at last'
      },
    }
    const { settled, finished, lines } = run([late], 1_000)
    expect(await settled).toEqual({ late: 'set aside' })
    await finished
    expect(lines.at(-1)).toBe('late: done at last')
  })

  it('a server that refuses is set aside at once', async () => {
    const refusing: Target = {
      name: 'refusing',
      async apply() {
        throw new TargetError('refused', 'wrong password')
      },
    }
    const { settled, finished, lines, end } = run([refusing], Number.POSITIVE_INFINITY)
    expect(await settled).toEqual({ refusing: 'set aside' })
    expect(lines[0]).toContain('wrong password')
    end()
    await finished
  })

  it('a target with an interval is applied again, and says so only when something has changed', async () => {
    let tables = 3
    let calls = 0
    const growing: Target = {
      name: 'growing',
      again_every_ms: 60_000,
      async apply() {
        if (++calls === 3) tables = 4
        return `${tables} tables`
      },
    }
    const { settled, finished, lines, end } = run([growing])
    expect(await settled).toEqual({ growing: 'applied' })
    await expect.poll(() => calls).toBeGreaterThan(4)
    end()
    await finished
    expect(lines).toEqual(['growing: 3 tables', 'growing: 4 tables'])
  })

  it('knows its servers by their URLs, and leaves alone those without one', () => {
    expect(targetsOf({}, INFRA)).toEqual([])
    const all = targetsOf(
      { KIBANA_URL: 'http://k', INFLUXDB_URL: 'http://i', NEO4J_URL: '', TRINO_URL: 'http://t' },
      INFRA,
    )
    expect(all.map(({ name }) => name)).toEqual(['kibana', 'influxdb', 'trino'])
  })
})

describe('Kibana', () => {
  const objects = new URL('kibana/saved-objects.ndjson', INFRA)
  const available = { json: { status: { overall: { level: 'available' } } } }

  it('gets its objects by the import API, to be overwritten', async () => {
    let sent = ''
    let header: unknown
    const { url, calls } = await fakeServer((call, body, { headers }) => {
      if (call === 'GET /api/status') return available
      sent = body
      header = headers['kbn-xsrf']
      return { json: { success: true, successCount: 9 } }
    })
    expect(await kibana({ url, objects }).apply(never)).toBe('9 saved objects are there')
    expect(calls).toEqual(['GET /api/status', 'POST /api/saved_objects/_import?overwrite=true'])
    expect(sent).toContain('name="file"; filename="saved-objects.ndjson"')
    expect(sent).toContain('"title":"sluice-movies"')
    expect(header).toBeDefined()
  })

  it.each([
    ['that is starting is away', { json: { status: { overall: { level: 'unavailable' } } } }, 'away'],
    ['behind a proxy that finds nobody is away', { status: 503, json: {} }, 'away'],
    ['that wants a login refuses', { status: 401, json: {} }, 'refused'],
  ] as const)('one %s', async (_name, status, kind) => {
    const { url } = await fakeServer(() => status)
    await expect(kibana({ url, objects }).apply(never)).rejects.toMatchObject({ kind })
  })

  it('one that takes only some of the objects refuses, and says which', async () => {
    const { url } = await fakeServer((call) =>
      call === 'GET /api/status' ? available : { json: { success: false, errors: [{ id: 'sluice-overview' }] } },
    )
    await expect(kibana({ url, objects }).apply(never)).rejects.toThrow(/sluice-overview/)
  })

  it('nobody there is away, by its address and without secrets', async () => {
    const target = kibana({ url: 'http://127.0.0.1:1', username: 'elastic', password: 'hunter2', objects })
    const error = await target.apply(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ kind: 'away', message: expect.stringContaining('127.0.0.1:1/api/status') })
    expect(String(error)).not.toContain('hunter2')
  })
})

describe('InfluxDB', () => {
  it('applies the template to one stack, on the bucket that is used', async () => {
    const applied: { stackID?: string; template?: unknown }[] = []
    let stacks: object[] = []
    const { url } = await fakeServer((call, body) => {
      if (call.startsWith('GET /api/v2/orgs')) return { json: { orgs: [{ id: 'org1' }] } }
      if (call.startsWith('GET /api/v2/stacks')) return { json: { stacks } }
      if (call === 'POST /api/v2/stacks') {
        stacks = [{ id: 'stack1' }]
        return { status: 201, json: { id: 'stack1' } }
      }
      applied.push(JSON.parse(body))
      return { json: { summary: { dashboards: [{}] } } }
    })
    const template = new URL('influxdb/template.json', INFRA)
    const target = influxdb({ url, token: 't', org: 'sluice', bucket: 'my "own"', template })
    expect(await target.apply(never)).toBe('1 dashboard is there')
    await target.apply(never)
    expect(applied.map(({ stackID }) => stackID)).toEqual(['stack1', 'stack1'])
    const text = JSON.stringify(applied[0]?.template)
    expect(text).not.toContain('bucket: \\"sluice\\"')
    expect(text).toContain(JSON.stringify('bucket: "my \\"own\\""').slice(1, -1))
  })
})

describe('Trino', () => {
  it('gets the tables that it does not know yet, and the ledger', async () => {
    const statements: string[] = []
    const { url } = await fakeServer((call, body, { headers }) => {
      if (call === 'GET /v1/tables')
        return { json: { tables: [{ name: 'movies' }, { name: 'likes' }, { name: 'No"name' }] } }
      if (call === 'GET /next') return { json: { data: [['movies']] } }
      statements.push(body)
      const known = body === 'SHOW TABLES FROM lake.sluice'
      return { json: known ? { nextUri: `http://${headers.host}/next` } : {} }
    })
    const done = await trino({ url, console_url: url, bucket: 'b' }).apply(never)
    expect(done).toBe('3 tables are in lake.sluice')
    expect(statements.map((sql) => /table_location => '([^']*)'/.exec(sql)?.[1]).filter(Boolean)).toEqual([
      's3://b/lake/likes',
      's3://b/lake/ledger',
    ])
  })

  it('one that fails a statement refuses', async () => {
    const { url } = await fakeServer((call) =>
      call === 'GET /v1/tables' ? { json: { tables: [] } } : { json: { error: { message: 'no such catalog' } } },
    )
    await expect(trino({ url, console_url: url, bucket: 'b' }).apply(never)).rejects.toThrow(/no such catalog/)
  })
})

it('the guide is served to pages of another origin, and nothing else is', async () => {
  const server = guideServer([{ title: 'T', text: 'text', parameters: [], cypher: 'RETURN 1' }])
  opened.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const page = await fetch(`${url}/graph.html`)
  expect([page.status, page.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
  expect(await page.text()).toContain('RETURN 1')
  expect((await fetch(`${url}/graph.adoc`)).status).toBe(200)
  expect((await fetch(`${url}/../etc/passwd`)).status).toBe(404)
})
