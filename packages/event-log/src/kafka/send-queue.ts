import { LogError, type LogRecord } from '../event-log.ts'

export interface SendLimits {
  batch_bytes: number
  batch_records: number
  record_bytes: number
  queue_bytes: number
}

/** Records of one or more sends, to be produced at once. */
export interface SendBatch {
  /** By topic. */
  records: ReadonlyMap<string, readonly LogRecord[]>
  acknowledged(): void
  /** The sends that the batch has a part of fail as a whole. */
  failed(error: LogError): void
}

export interface Acknowledged {
  topic: string
  partition: number
}

/** What is left of a batch's records when those of these partitions are done. */
export function unacknowledged(
  records: SendBatch['records'],
  acknowledged: readonly Acknowledged[],
): SendBatch['records'] {
  const done = new Set(acknowledged.map(({ topic, partition }) => `${topic} ${partition}`))
  const rest = new Map<string, LogRecord[]>()
  for (const [topic, all] of records) {
    const left = all.filter(({ partition }) => !done.has(`${topic} ${partition}`))
    if (left.length > 0) rest.set(topic, left)
  }
  return rest
}

interface Send {
  topic: string
  records: readonly LogRecord[]
  bytes: number
  taken: number
  acknowledged: number
  failed: boolean
  resolve: () => void
  reject: (error: LogError) => void
}

/** Sends that wait, in order: several small ones make a batch, a large one makes several. */
export class SendQueue {
  readonly #limits: SendLimits
  #sends: Send[] = []
  #bytes = 0

  constructor(limits: SendLimits) {
    this.#limits = limits
  }

  get empty(): boolean {
    return this.#sends.length === 0
  }

  /** Bytes of the sends that are not settled. */
  get bytes(): number {
    return this.#bytes
  }

  /** Resolves when all of the records are acknowledged. */
  push(topic: string, records: readonly LogRecord[]): Promise<void> {
    let bytes = 0
    for (const { value, key } of records) {
      const size = value.length + (key?.length ?? 0)
      if (size > this.#limits.record_bytes)
        return Promise.reject(
          new LogError(
            'record_too_large',
            `expected records of at most ${this.#limits.record_bytes} bytes; one has ${size}`,
          ),
        )
      bytes += size
    }
    if (records.length === 0) return Promise.resolve()
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limits.queue_bytes)
      return Promise.reject(
        new LogError(
          'failed',
          `expected at most ${this.#limits.queue_bytes} bytes waiting to be sent; there are ${this.#bytes}: wait for earlier sends`,
          { retryable: true },
        ),
      )
    this.#bytes += bytes
    return new Promise((resolve, reject) => {
      this.#sends.push({ topic, records, bytes, taken: 0, acknowledged: 0, failed: false, resolve, reject })
    })
  }

  /** The next records within the limits, at least one; `undefined` if nothing waits. */
  next(): SendBatch | undefined {
    const { batch_bytes, batch_records } = this.#limits
    const parts: { send: Send; count: number }[] = []
    const records = new Map<string, LogRecord[]>()
    let bytes = 0
    let count = 0
    let full = false
    while (!full) {
      const send = this.#sends[0]
      if (!send) break
      const list = records.get(send.topic) ?? []
      records.set(send.topic, list)
      const from = send.taken
      for (; send.taken < send.records.length; send.taken++) {
        const record = send.records[send.taken]
        if (!record) break
        full = count > 0 && (count >= batch_records || bytes + record.value.length > batch_bytes)
        if (full) break
        list.push(record)
        bytes += record.value.length
        count++
      }
      if (send.taken > from) parts.push({ send, count: send.taken - from })
      if (send.taken === send.records.length) this.#sends.shift()
    }
    if (parts.length === 0) return undefined
    return {
      records,
      acknowledged: () => {
        for (const part of parts) this.#acknowledge(part.send, part.count)
      },
      failed: (error) => {
        for (const { send } of parts) this.#fail(send, error)
      },
    }
  }

  /** Fails all that waits. */
  fail(error: LogError): void {
    for (const send of [...this.#sends]) this.#fail(send, error)
  }

  #acknowledge(send: Send, count: number): void {
    send.acknowledged += count
    if (send.failed || send.acknowledged < send.records.length) return
    this.#bytes -= send.bytes
    send.resolve()
  }

  #fail(send: Send, error: LogError): void {
    if (send.failed) return
    send.failed = true
    this.#sends = this.#sends.filter((waiting) => waiting !== send)
    this.#bytes -= send.bytes
    send.reject(error)
  }
}
