import type { EventLog, LogConsumer, LogProducer, LogRecord } from '@sluice/event-log'
import { LogError } from '@sluice/event-log'

/** A log in memory that can be dead. */
export class FakeLog implements EventLog {
  readonly records: LogRecord[] = []
  dead = false
  sends = 0
  async ensureTopic(): Promise<void> {
    if (this.dead) throw new LogError('unreachable', 'the log is dead', { retryable: true })
  }
  async offsets() {
    return []
  }
  async identity(): Promise<string> {
    return 'fake'
  }
  async producer(): Promise<LogProducer> {
    return {
      send: async (_topic, records) => {
        this.sends++
        if (this.dead) throw new LogError('unreachable', 'the log is dead', { retryable: true })
        this.records.push(...records)
      },
      close: async () => undefined,
    }
  }
  consumer(): Promise<LogConsumer> {
    throw new LogError('failed', 'nobody reads here')
  }
  async truncate(): Promise<void> {}
  async close(): Promise<void> {}

  values(): string[] {
    return this.records.map(({ value }) => Buffer.from(value).toString('utf8'))
  }
}
