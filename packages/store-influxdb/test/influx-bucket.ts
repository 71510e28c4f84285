import { randomUUID } from 'node:crypto'
import { InfluxDB } from '@influxdata/influxdb-client'
import { BucketsAPI } from '@influxdata/influxdb-client-apis'
import type { InfluxConnection } from '../../../test/servers/endpoints.ts'

/** A bucket of the suite's own beside the given one, and how to drop it. */
export async function newBucket(server: InfluxConnection, everySeconds = 0) {
  const api = new BucketsAPI(new InfluxDB({ url: server.url, token: server.token }))
  const given = (await api.getBuckets({ org: server.org, name: server.bucket })).buckets?.[0]
  if (!given?.orgID) throw new Error(`the server has no bucket ${server.bucket}`)
  const name = `test-${randomUUID()}`
  const made = await api.postBuckets({
    body: { orgID: given.orgID, name, retentionRules: [{ type: 'expire', everySeconds }] },
  })
  return { name, drop: () => api.deleteBucketsID({ bucketID: made.id ?? '' }) }
}
