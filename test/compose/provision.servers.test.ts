import { readFile } from 'node:fs/promises'
import { openStore } from '@sluice/store-influxdb/server'
import neo4jDriver from 'neo4j-driver'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { statementsOf } from '../../infra/provision/cypher-file.ts'
import { influxdb } from '../../infra/provision/influxdb.ts'
import { neo4j } from '../../infra/provision/neo4j.ts'
import { savedQuestions } from '../../infra/provision/neo4j-guide.ts'
import { newBucket } from '../../packages/store-influxdb/test/influx-bucket.ts'
import { first, metricRow, quality } from '../../packages/store-influxdb/test/quality-tables.ts'
import { describeServer, influxEndpoint, neo4jEndpoint } from '../servers/endpoints.ts'

const INFRA = new URL('../../infra/', import.meta.url)

await describeServer('the InfluxDB template', influxEndpoint, ({ url, token, org, bucket: given }) => {
  const headers = { authorization: `Token ${token}` }
  const api = async (path: string, method = 'GET') => {
    const answer = await fetch(`${url}/api/v2/${path}`, { method, headers })
    const text = await answer.text()
    return text === '' ? undefined : JSON.parse(text)
  }
  const dashboards = async (): Promise<{ id: string; cells: { id: string }[] }[]> =>
    (await api('dashboards?limit=100')).dashboards.filter(({ name }: { name: string }) => name.startsWith('Sluice: '))
  let bucket: Awaited<ReturnType<typeof newBucket>>
  let orgID = ''
  beforeAll(async () => {
    bucket = await newBucket({ url, token, org, bucket: given })
    orgID = (await api(`orgs?org=${org}`)).orgs[0].id
  })
  afterAll(async () => {
    for (const { id } of (await api(`stacks?orgID=${orgID}&name=sluice`)).stacks)
      await api(`stacks/${id}/uninstall?orgID=${orgID}`, 'POST')
    await bucket.drop()
  })

  it('is there once, however often it is applied', async () => {
    const template = new URL('influxdb/template.json', INFRA)
    const target = influxdb({ url, token, org, bucket: bucket.name, template })
    const signal = new AbortController().signal
    for (const _ of [1, 2, 3]) expect(await target.apply(signal)).toBe('1 dashboard is there')
    expect((await dashboards()).map(({ cells }) => cells.length)).toEqual([7])
  })

  it('its panels show what the sink wrote', async () => {
    const store = await openStore({ url, token, org, bucket: bucket.name })
    const minute = (ago: number) =>
      new Date(Math.floor(Date.now() / 60_000 - ago) * 60_000).toISOString().replace('Z', '000Z')
    await store.prepare([quality])
    await store.apply(
      first([
        metricRow('e1', { region: 'India', movie_id: 'm1', count: 5, at: minute(3) }),
        metricRow('e2', { region: 'India', movie_id: 'm2', count: 7, at: minute(3) }),
        metricRow('e3', { region: 'EU West', movie_id: 'm1', count: 1, at: minute(2) }),
      ]),
    )
    await store.close()
    const [dashboard] = await dashboards()
    const rows: Record<string, Record<string, string>[]> = {}
    for (const { id } of dashboard?.cells ?? []) {
      const view = await api(`dashboards/${dashboard?.id}/cells/${id}/view`)
      for (const { text } of view.properties.queries ?? []) rows[view.name] = await ask(text)
    }
    expect(rows['Buffering in the last hour']?.map((row) => row['_value'])).toEqual(['13'])
    const per_minute = rows['Buffering a minute by region']?.map((row) => `${row['region']} ${row['_value']}`)
    expect(per_minute?.sort()).toEqual(['EU West 1', 'India 12'])
    expect(rows['Mean bitrate by region (Mbit/s)']?.map((row) => Number(row['_value']).toFixed(1))).toEqual([
      '3.2',
      '3.2',
    ])
    const days = rows['Seven days of buffering, day by day (UTC)'] ?? []
    expect(days.reduce((sum, row) => sum + Number(row['_value']), 0)).toBe(13)
    const films = rows['Films that buffered most in the chosen region']
    expect(films?.map((row) => `${row['movie_id']} ${row['_value']}`)).toEqual(['m2 7', 'm1 5'])
    const by_film = rows['The chosen region: buffering a minute by film'] ?? []
    expect(by_film.map((row) => row['movie_id']).sort()).toEqual(['m1', 'm2'])
  })

  it('its variable knows the regions', async () => {
    const { variables } = await api(`variables?orgID=${orgID}`)
    const { arguments: source } = variables.find(({ name }: { name: string }) => name === 'region')
    expect((await ask(source.values.query)).map((row) => row['_value'])).toEqual(['EU West', 'India'])
  })

  /** Rows of a query as a dashboard asks it: India is chosen, and the last hour. */
  async function ask(flux: string): Promise<Record<string, string>[]> {
    const chosen = 'option v = {timeRangeStart: -1h, timeRangeStop: now(), region: "India"}\n'
    const imports = flux.match(/^import .*$/gm) ?? []
    const query = [...imports, chosen, flux.replaceAll(/^import .*$/gm, '')].join('\n')
    const answer = await fetch(`${url}/api/v2/query?orgID=${orgID}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/vnd.flux', accept: 'application/csv' },
      body: query,
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${text}\n${query}`)
    return text
      .trim()
      .split('\r\n\r\n')
      .flatMap((table) => {
        const [head = '', ...lines] = table.trim().split('\r\n')
        const names = head.split(',')
        return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i] ?? '', value])))
      })
  }
})

await describeServer("Neo4j's constraints and guide", neo4jEndpoint, ({ url, http, user, password }) => {
  const driver = neo4jDriver.driver(url, neo4jDriver.auth.basic(user, password))
  afterAll(() => driver.close())

  it('constraints are made by the Query API, as `provision` does it, however often; a wrong password is refused', async () => {
    const labels = ['Movie', 'Person', 'User']
    const target = (given: string) =>
      neo4j({ url: http, username: user, password: given, constraints: new URL('neo4j/constraints.cypher', INFRA) })
    // The sink makes the same ones, by other names.
    const made = async () => {
      const { records } = await driver.executeQuery(
        "SHOW CONSTRAINTS YIELD name, labelsOrTypes, properties WHERE properties = ['id'] RETURN name, labelsOrTypes[0] AS label",
      )
      const found = records.map((record) => ({ name: String(record.get('name')), label: String(record.get('label')) }))
      return found.filter(({ label }) => labels.includes(label)).sort((a, b) => (a.label < b.label ? -1 : 1))
    }
    for (const { name } of await made()) await driver.executeQuery(`DROP CONSTRAINT \`${name}\``)
    const signal = new AbortController().signal
    await expect(target('wrong').apply(signal)).rejects.toMatchObject({ kind: 'refused' })
    expect(await made()).toEqual([])
    for (const _ of [1, 2]) {
      expect(await target(password).apply(signal)).toBe('3 constraints are there')
      expect((await made()).map(({ label }) => label)).toEqual(labels)
    }
  })

  it('constraints can be made again', async () => {
    const statements = statementsOf(await readFile(new URL('neo4j/constraints.cypher', INFRA), 'utf8'))
    for (const statement of [...statements, ...statements]) await driver.executeQuery(statement)
    const { records } = await driver.executeQuery('SHOW CONSTRAINTS YIELD labelsOrTypes, properties RETURN *')
    const made = records.map((record) => `${record.get('labelsOrTypes')} ${record.get('properties')}`)
    expect(made).toEqual(expect.arrayContaining(['User id', 'Movie id', 'Person id']))
  })

  it('every question of the guide finds what is in a small graph', async () => {
    const questions = await savedQuestions(new URL('neo4j/queries/', INFRA))
    const session = driver.session()
    // Rolled back: the server is shared.
    const transaction = session.beginTransaction()
    const small = (name: string) => `sluice-guide-${name}`
    try {
      await transaction.run(
        `CREATE (u:User {id: $u101}), (v:User {id: $u102}), (a:Movie {id: $m101, title: 'A'}), (b:Movie {id: $m102, title: 'B'}),
         (p:Person {id: $person}), (p)-[:ACTED_IN]->(a), (a)-[:RELATED_TO]->(b),
         (u)-[:WATCHED {views: 2, last_watched_at: datetime('2026-01-02T00:00:00Z')}]->(a),
         (v)-[:WATCHED {views: 1, last_watched_at: datetime('2026-01-03T00:00:00Z')}]->(a),
         (u)-[:RECOMMENDED {reason: 'r', because_of: $m101, score: 0.5, recommended_at: datetime('2026-01-01T00:00:00Z')}]->(b)`,
        Object.fromEntries(['u101', 'u102', 'm101', 'm102', 'person'].map((name) => [name, small(name)])),
      )
      for (const { title, cypher, parameters } of questions) {
        const given = parameters.map((line) => /^:param (\w+) => '(.*)'$/.exec(line) ?? [])
        const values = Object.fromEntries(given.map(([, name = '', value = '']) => [name, small(value)]))
        const { records } = await transaction.run(cypher, values)
        expect(records.length, title).toBeGreaterThan(0)
      }
    } finally {
      await transaction.rollback()
      await session.close()
    }
  })
})
