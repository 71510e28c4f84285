import { Kafka, logLevel } from 'kafkajs'
import neo4j from 'neo4j-driver'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import {
  describeServer,
  elasticsearchEndpoint,
  influxEndpoint,
  kafkaEndpoint,
  minioEndpoint,
  neo4jEndpoint,
  postgresEndpoint,
} from './endpoints.ts'

await describeServer('MinIO', minioEndpoint, ({ endpoint }) => {
  it('answers', async () => expect((await fetch(`${endpoint}/minio/health/live`)).status).toBe(200))
})

await describeServer('Kafka', kafkaEndpoint, ({ brokers }) => {
  it('answers', async () => {
    const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    expect((await admin.describeCluster()).brokers.length).toBeGreaterThan(0)
    await admin.disconnect()
  })
})

await describeServer('PostgreSQL', postgresEndpoint, ({ url }) => {
  it('answers', async () => {
    const client = new Client({ connectionString: url })
    await client.connect()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })
})

await describeServer('InfluxDB', influxEndpoint, ({ url, token, org, bucket }) => {
  it('answers', async () => {
    const address = `${url}/api/v2/buckets?org=${org}&name=${bucket}`
    const answer = await fetch(address, { headers: { authorization: `Token ${token}` } })
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining(`"name": "${bucket}"`)])
  })
})

await describeServer('Elasticsearch', elasticsearchEndpoint, ({ url }) => {
  it('answers', async () => expect(await (await fetch(url)).text()).toContain('You Know, for Search'))
})

await describeServer('Neo4j', neo4jEndpoint, ({ url, user, password }) => {
  it('answers', async () => {
    const driver = neo4j.driver(url, neo4j.auth.basic(user, password))
    await driver.verifyConnectivity()
    const { records } = await driver.executeQuery('RETURN 1 AS one')
    expect(records.map((record) => Number(record.get('one')))).toEqual([1])
    await driver.close()
  })
})
