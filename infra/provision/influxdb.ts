import { readFile } from 'node:fs/promises'
import { request, valueAt } from './request.ts'
import { type Target, TargetError } from './target.ts'

export interface InfluxdbOptions {
  url: string
  token: string
  org: string
  bucket: string
  /** A template as InfluxDB exports it, in JSON, whose queries read the bucket `sluice`. */
  template: URL
}

/** Names the set of what the template made, so that applying it again changes that instead of adding copies. */
const STACK = 'sluice'

/** The dashboard, by the templates' API. */
export function influxdb({ url, token, org, bucket, template }: InfluxdbOptions): Target {
  const headers = { authorization: `Token ${token}` }
  return {
    name: 'influxdb',
    async apply(signal) {
      const orgs = await request(`${url}/api/v2/orgs?org=${encodeURIComponent(org)}`, { headers, signal })
      const orgID = valueAt(orgs, 'orgs', 0, 'id')
      if (typeof orgID !== 'string') throw new TargetError('refused', `InfluxDB has no organisation ${org}`)
      const answer = await request(`${url}/api/v2/templates/apply`, {
        method: 'POST',
        headers,
        body: {
          dryRun: false,
          orgID,
          stackID: await stackOf(orgID, signal),
          template: { contents: onBucket(JSON.parse(await readFile(template, 'utf8')), bucket) },
        },
        signal,
      })
      const errors = valueAt(answer, 'errors')
      if (Array.isArray(errors) && errors.length > 0)
        throw new TargetError('refused', `InfluxDB took the template not as it is: ${JSON.stringify(errors)}`)
      const dashboards = valueAt(answer, 'summary', 'dashboards')
      return `${Array.isArray(dashboards) ? dashboards.length : 0} dashboard is there`
    },
  }

  async function stackOf(orgID: string, signal: AbortSignal): Promise<string> {
    const query = new URLSearchParams({ orgID, name: STACK })
    const found = valueAt(await request(`${url}/api/v2/stacks?${query}`, { headers, signal }), 'stacks', 0, 'id')
    if (typeof found === 'string') return found
    const made = await request(`${url}/api/v2/stacks`, {
      method: 'POST',
      headers,
      body: { orgID, name: STACK },
      signal,
    })
    const id = valueAt(made, 'id')
    if (typeof id !== 'string') throw new TargetError('refused', 'InfluxDB made a stack without an id')
    return id
  }
}

/** The template with its queries on another bucket. */
function onBucket(template: unknown, bucket: string): unknown {
  if (typeof template === 'string')
    return template.replaceAll('bucket: "sluice"', () => `bucket: ${JSON.stringify(bucket)}`)
  if (Array.isArray(template)) return template.map((item) => onBucket(item, bucket))
  if (typeof template !== 'object' || template === null) return template
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, onBucket(value, bucket)]))
}
