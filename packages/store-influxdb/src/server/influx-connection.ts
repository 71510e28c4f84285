import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { HttpError, InfluxDB, type ParameterizedQuery, RequestTimedOutError } from '@influxdata/influxdb-client'
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
const REQUEST_LINES = 2_500
const REQUEST_CHARACTERS = 4 * 1024 * 1024
const REQUESTS_AT_ONCE = 2
/** The quickest: the client's own level costs more time than the network here and in most places. */
const GZIP_LEVEL = 1
const compressed = promisify(gzip)

/** A line that InfluxDB refuses for good, with its own words. */
export interface RefusedLine {
  line: number
  reason: string
}

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
      const { version = 'unknown' } = (await this.#health()) ?? {}
      if (!/^v?2\./.test(version))
        throw new StoreError(
          'too_old',
          `InfluxDB at ${this.#target.url} is ${version}; Sluice writes to InfluxDB 2 (2.7 is tested)`,
        )
      const { org, bucket } = this.#target
      const found = (await new BucketsAPI(this.#influx).getBuckets({ org, name: bucket })).buckets?.[0]
      if (!found)
        throw new StoreError(
          'failed',
          `InfluxDB at ${this.#target.url} has no bucket ${bucket}: make it or name another`,
        )
      const kept_s = found.retentionRules.find(({ everySeconds }) => everySeconds > 0)?.everySeconds
      if (kept_s !== undefined)
        throw new StoreError(
          'failed',
          `the bucket ${bucket} drops points after ${kept_s} s; a mirror of the tables keeps all: influx bucket update --retention 0`,
        )
    })
  }

  /**
   * Writes lines of nanosecond precision, made while others are on their way; what it resolved is durable and visible.
   * Lines that InfluxDB refuses for good are found by halves and given back, all others are written.
   */
  async write(count: number, line: (index: number) => string): Promise<RefusedLine[]> {
    const refused: RefusedLine[] = []
    const requests = requestsOf(count, line)
    const sender = async () => {
      for (let next = requests.next(); !next.done; next = requests.next())
        await this.#writePart(next.value.lines, next.value.from, refused)
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

  async #health() {
    try {
      return await new HealthAPI(this.#influx).getHealth()
    } catch (error) {
      // InfluxDB answers this one to everybody.
      if (!(error instanceof HttpError) || error.statusCode >= 500 || error.statusCode === 429) throw error
      throw new StoreError('failed', `expected InfluxDB 2 at ${this.#target.url}; something else answers there`, {
        cause: error,
      })
    }
  }

  async #writePart(lines: readonly string[], from: number, refused: RefusedLine[]): Promise<void> {
    try {
      await this.#send(lines)
    } catch (error) {
      if (!isRefusal(error)) throw error
      if (lines.length === 1 || droppedOf(error) === lines.length) {
        const reason = refusalReason(error)
        for (let i = 0; i < lines.length; i++) refused.push({ line: from + i, reason })
      } else {
        const middle = lines.length >>> 1
        await this.#writePart(lines.slice(0, middle), from, refused)
        await this.#writePart(lines.slice(middle), from + middle, refused)
      }
    }
  }

  async #send(lines: readonly string[]): Promise<void> {
    const { org, bucket } = this.#target
    const path = `/api/v2/write?org=${encodeURIComponent(org)}&bucket=${encodeURIComponent(bucket)}&precision=ns`
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'gzip' }
    const body = await compressed(lines.join('\n'), { level: GZIP_LEVEL })
    await unlessSilent(this.#target.timeout_ms, async (signal) => {
      for await (const _ of this.#influx.transport.iterate(path, body, { method: 'POST', headers, signal }));
    })
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

/** Of a partial write InfluxDB says how many points it left out, not which. */
const droppedOf = (error: HttpError): number => Number(/\bdropped=(\d+)/.exec(saysOf(error))?.[1] ?? 0)
const refusalReason = (error: HttpError): string => `InfluxDB answered ${error.statusCode}: ${saysOf(error)}`

function* requestsOf(
  count: number,
  line: (index: number) => string,
): Generator<{ from: number; lines: string[] }, undefined> {
  for (let from = 0, to = 0; from < count; from = to) {
    const lines: string[] = []
    for (let characters = 0; to < count && lines.length < REQUEST_LINES && characters < REQUEST_CHARACTERS; to++) {
      const made = line(to)
      characters += made.length
      lines.push(made)
    }
    yield { from, lines }
  }
}
