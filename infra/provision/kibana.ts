import { readFile } from 'node:fs/promises'
import { basic, request, valueAt } from './request.ts'
import { type Target, TargetError } from './target.ts'

export interface KibanaOptions {
  url: string
  username?: string
  password?: string
  /** Saved objects, as Kibana exports them. */
  objects: URL
}

/** Data views, dashboard and saved searches, by the import API of saved objects. What is there is overwritten. */
export function kibana({ url, username, password, objects }: KibanaOptions): Target {
  const headers = {
    'kbn-xsrf': 'sluice',
    ...(username === undefined || password === undefined ? {} : basic(username, password)),
  }
  return {
    name: 'kibana',
    async apply(signal) {
      const status = await request(`${url}/api/status`, { headers, signal })
      const level = valueAt(status, 'status', 'overall', 'level')
      if (level !== undefined && level !== 'available')
        throw new TargetError('away', `Kibana answers that it is ${String(level)}`)
      const form = new FormData()
      form.set('file', new Blob([await readFile(objects)], { type: 'application/ndjson' }), 'saved-objects.ndjson')
      const answer = await request(`${url}/api/saved_objects/_import?overwrite=true`, {
        method: 'POST',
        headers,
        body: form,
        signal,
      })
      if (valueAt(answer, 'success') !== true)
        throw new TargetError('refused', `Kibana took not all objects: ${JSON.stringify(valueAt(answer, 'errors'))}`)
      return `${String(valueAt(answer, 'successCount'))} saved objects are there`
    },
  }
}
