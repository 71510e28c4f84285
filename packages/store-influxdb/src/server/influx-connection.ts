import { type HttpError, InfluxDB, type ParameterizedQuery, RequestTimedOutError } from '@influxdata/influxdb-client'
import { BucketsAPI, DeleteAPI, HealthAPI } from '@influxdata/influxdb-client-apis'
import { StoreError } from '@sluice/store/store'
import { type FluxRow, readFluxRows } from './flux-rows.ts'
import { influxError, isRefusal, saysOf, type Target } from './influx-error.ts'

export interface InfluxTarget extends Target {
  /** May read and write the bucket. */
  token: string
  /** Longest silence of the server, in milliseconds. */
  timeout_ms: number
}

const FIRST_INSTANT = '1677-09-21T00:12:43.145224194Z'
const LAST_INSTANT = '2262-04-11T23:47:16.854775806Z'
/** Lines of one write request, and how many requests are under way at once. */
const REQUEST_LINES = 5_000
const REQUEST_CHARACTERS = 4 * 1024 * 1024
const REQUESTS_AT_ONCE = 2
const GZIP_FROM_BYTES = 1_000

/** Calls to one bucket, their errors as `StoreError`. */
export class InfluxConnection {
  readonly #target: InfluxTarget
  readonly #influx: InfluxDB

  constructor(target: InfluxTarget) {
    this.#target = target
    this.#influx = new InfluxDB({ url: target.url, token: target.token, timeout: target.timeout_ms })
  }

  get bucket(): string {
    return this.#target.bucket
  }

  /** @throws StoreError in one line, if the server, the token, the organisation or the bucket will not do */
  async check(): Promise<void> {
    await this.#translated(async () => {
      const { version = 'unknown' } = (await new HealthAPI(this.#influx).getHealth()) ?? {}
      if (!/^v?2\./.test(version))
        throw new StoreError(
          'too_old',
          `InfluxDB at ${this.#target.url} is ${version}; Sluice writes to InfluxDB 2 (2.7 is tested)`,
        )
      const { org, bucket } = this.#target
      const found = (await new BucketsAPI(this.#influx).getBuckets({ org, name: bucket })).buckets?.[0]
      const kept_s = found?.retentionRules.find(({ everySeconds }) => everySeconds > 0)?.everySeconds
      if (kept_s !== undefined)
        throw new StoreError(
          'failed',
          `the bucket ${bucket} drops points after ${kept_s} s; a mirror of the tables keeps all: influx bucket update --retention 0`,
        )
    })
  }

  /**
   * Writes lines of nanosecond precision; what it resolved is durable and visible. Lines that InfluxDB refuses for good
   * are found by halves and given back, all others are written.
   */
  async write(lines: readonly string[]): Promise<{ line: number; reason: string }[]> {
    const refused: { line: number; reason: string }[] = []
    const requests = requestsOf(lines)[Symbol.iterator]()
    const sender = async () => {
      for (const { from, to } of { [Symbol.iterator]: () => requests }) await this.#writePart(lines, from, to, refused)
    }
    await this.#translated(async () => {
      const senders = await Promise.allSettled(Array.from({ length: REQUESTS_AT_ONCE }, sender))
      for (const done of senders) if (done.status === 'rejected') throw done.reason
    })
    return refused
  }

  async query(flux: ParameterizedQuery | string, onRow: (row: FluxRow) => void): Promise<void> {
    const body = JSON.stringify({
      query: flux.toString(),
      type: 'flux',
      dialect: { header: true, delimiter: ',', annotations: [] },
    })
    const path = `/api/v2/query?org=${encodeURIComponent(this.#target.org)}`
    await this.#translated(() =>
      unlessSilent(this.#target.timeout_ms, (signal, alive) => {
        const options = { method: 'POST', headers: { accept: 'application/csv' }, signal }
        return readFluxRows(watched(this.#influx.transport.iterate(path, body, options), alive), onRow)
      }),
    )
  }

  /** Deletes what matches from `start` to `stop`, both in, in RFC 3339. */
  async delete(
    start: string,
    stop: string,
    matches: readonly (readonly [tag: string, value: string])[],
  ): Promise<void> {
    const { org, bucket } = this.#target
    const predicate = matches.map(([tag, value]) => `"${tag}"="${value}"`).join(' AND ')
    await this.#translated(() =>
      new DeleteAPI(this.#influx).postDelete({ org, bucket, body: { start, stop, predicate } }),
    )
  }

  deleteAll(matches: readonly (readonly [tag: string, value: string])[]): Promise<void> {
    return this.delete(FIRST_INSTANT, LAST_INSTANT, matches)
  }

  async #writePart(
    lines: readonly string[],
    from: number,
    to: number,
    refused: { line: number; reason: string }[],
  ): Promise<void> {
    const { org, bucket } = this.#target
    const path = `/api/v2/write?org=${encodeURIComponent(org)}&bucket=${encodeURIComponent(bucket)}&precision=ns`
    try {
      await this.#influx.transport.request(path, lines.slice(from, to).join('\n'), {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        gzipThreshold: GZIP_FROM_BYTES,
        signal: AbortSignal.timeout(this.#target.timeout_ms),
      })
    } catch (error) {
      if (!isRefusal(error)) throw error
      if (to - from === 1) refused.push({ line: from, reason: refusalReason(error) })
      else {
        const middle = (from + to) >>> 1
        await this.#writePart(lines, from, middle, refused)
        await this.#writePart(lines, middle, to, refused)
      }
    }
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw influxError(error, this.#target)
    }
  }
}

/** The client's own time-out tells the caller only before an answer begins, and leaves the socket open. */
async function unlessSilent<T>(
  timeoutMs: number,
  work: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), timeoutMs)
  try {
    return await work(stop.signal, () => timer.refresh())
  } catch (error) {
    throw stop.signal.aborted ? new RequestTimedOutError() : error
  } finally {
    clearTimeout(timer)
  }
}

async function* watched(chunks: AsyncIterable<Uint8Array>, alive: () => void): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    alive()
    yield chunk
  }
}

const refusalReason = (error: HttpError): string => `InfluxDB answered ${error.statusCode}: ${saysOf(error)}`

function* requestsOf(lines: readonly string[]): Generator<{ from: number; to: number }> {
  for (let from = 0, to = 0, characters = 0; from < lines.length; from = to, characters = 0) {
    while (to < lines.length && to - from < REQUEST_LINES && (to === from || characters < REQUEST_CHARACTERS))
      characters += lines[to++]?.length ?? 0
    yield { from, to }
  }
}
