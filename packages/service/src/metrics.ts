import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Metrics of one process. Names follow one rule: `sluice_<part>_<what>_<unit>`, counters ending in `_total`. */
export interface Metrics {
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>
  /** @param read sets the gauge at each scrape; one that takes longer than a scrape may is the reader's own matter */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    read?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>
  /** Seconds; buckets from 1 ms to 30 s. */
  seconds<L extends string = never>(name: string, help: string, labels?: readonly L[]): Histogram<L>
  /** Text of `GET /metrics`. */
  text(): Promise<string>
  readonly contentType: string
}

const NAME = /^sluice_[a-z]+(_[a-z]+)+$/
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'sluice_process_' })
  const checked = (name: string) => {
    if (!NAME.test(name)) throw new Error(`expected a metric's name like sluice_ingest_events_total; got ${name}`)
    return { name, registers: [registry] }
  }
  return {
    counter: (name, help, labels = []) => new Counter({ ...checked(name), help, labelNames: [...labels] }),
    gauge(name, help, labels = [], read) {
      const options = { ...checked(name), help, labelNames: [...labels] }
      if (!read) return new Gauge(options)
      return new Gauge({
        ...options,
        collect() {
          return read(this)
        },
      })
    },
    seconds: (name, help, labels = []) =>
      new Histogram({ ...checked(name), help, labelNames: [...labels], buckets: BUCKETS }),
    // prom-client writes Nan, which is no number to all readers of the format.
    text: async () => (await registry.metrics()).replaceAll(/ Nan$/gm, ' NaN'),
    contentType: registry.contentType,
  }
}
