import { setTimeout as sleep } from 'node:timers/promises'

/** Outcome of one event in the answer of POST /v1/events. */
export interface SentResult {
  index: number
  event_id: string
  status: string
  warning?: string
  error?: { code: string; message: string }
}

export interface Sent {
  status: number
  headers: Headers
  accepted: number
  rejected: number
  code?: string
  results: SentResult[]
}

export interface Posted {
  content_type?: string
  headers?: Readonly<Record<string, string>>
  /** After the question mark: `wait=table`. */
  query?: string
}

export interface Trail {
  event_id: string
  type: string
  outcome: string
  superseded_by?: string
  raw: { key: string; batch: string; line: number }
  log: { partition: number; offset: number }
  table?: { name: string; version: number; file: string }
  quarantine?: { reason: string; field: string | null; message: string; text: string; closed_by: string | null }
  repeats: number
  sinks: Record<string, { status: string; version: number | null; reason?: string }>
}

type Row = Record<string, string | number | boolean | null | string[]>

const CATCH_UP_LIMIT_MS = 100_000

/** Speaks the HTTP contract as any client would. */
export class Client {
  readonly url: string
  readonly #key: string | undefined

  constructor(url: string, key?: string) {
    this.url = url
    this.#key = key
  }

  async call(method: string, path: string, options: { body?: string | Uint8Array; headers?: object } = {}) {
    const headers = { ...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }), ...options.headers }
    const body = typeof options.body === 'string' ? options.body : options.body && new Uint8Array(options.body)
    const response = await fetch(new URL(path, this.url), { method, headers, body })
    const bytes = Buffer.from(await response.arrayBuffer())
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      text: bytes.toString('utf8'),
      /** The body as JSON; throws if it is none. */
      json: () => JSON.parse(bytes.toString('utf8')),
    }
  }

  /** An object or array is sent as JSON; text and bytes as they are. */
  async post(events: object | string | Uint8Array, { content_type, headers, query }: Posted = {}): Promise<Sent> {
    const body = typeof events === 'string' || events instanceof Uint8Array ? events : JSON.stringify(events)
    const answer = await this.call('POST', `/v1/events${query === undefined ? '' : `?${query}`}`, {
      body,
      headers: { 'content-type': content_type ?? 'application/json', ...headers },
    })
    return { ...answer.json(), status: answer.status, headers: answer.headers }
  }

  /** Sends one event and waits for its table; its status. */
  async settle(event: object | string, level: 'table' | 'stores' = 'table'): Promise<string> {
    const { results } = await this.post(event, { query: `wait=${level}&timeout_ms=30000` })
    return results[0]?.status ?? 'no result'
  }

  async get(path: string) {
    const answer = await this.call('GET', path)
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text.slice(0, 500)}`)
    return answer.json()
  }

  async sql(text: string): Promise<Row[]> {
    const answer = await this.trySql(text)
    if (answer.status !== 200) throw new Error(`${text}: ${answer.status} ${answer.text.slice(0, 500)}`)
    return answer.json().rows
  }

  trySql(text: string, accept = 'application/json') {
    return this.call('POST', '/v1/sql', {
      body: JSON.stringify({ sql: text }),
      headers: { 'content-type': 'application/json', accept },
    })
  }

  async ask(question: string, parameters: Readonly<Record<string, string | number>> = {}): Promise<Row[]> {
    const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]))
    return (await this.get(`/v1/questions/${question}?${query}`)).rows
  }

  trail(event_id: string): Promise<Trail> {
    return this.get(`/v1/events/${encodeURIComponent(event_id)}`)
  }

  verify() {
    return this.get('/v1/verify')
  }

  /** Resolves when the lake says that all that was acknowledged is everywhere. */
  async caughtUp(): Promise<void> {
    const status = await this.until('/v1/status', ({ caught_up }: { caught_up: boolean }) => caught_up)
    if (!status.caught_up) throw new Error(`not caught up: ${JSON.stringify(status)}`)
  }

  /** Asks again until the answer is as wanted, or the time is over; the last answer. */
  async until<Body>(path: string, wanted: (body: Body) => boolean, limit_ms = CATCH_UP_LIMIT_MS): Promise<Body> {
    const end = performance.now() + limit_ms
    for (;;) {
      const body: Body = await this.get(path)
      if (wanted(body) || performance.now() > end) return body
      await sleep(50)
    }
  }
}
