/**
 * Names of the raw zone's objects. Nothing is ever found by listing all of raw: `live` and `finished` hold one small
 * object an incarnation, batches are named by their number, packs by their last one.
 */
export class ObjectKeys {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  get live(): string {
    return `${this.prefix}/live/`
  }

  liveOf(incarnation: string): string {
    return `${this.live}${incarnation}.json`
  }

  incarnationOfLive(key: string): string {
    return key.slice(this.live.length, -'.json'.length)
  }

  get finished(): string {
    return `${this.prefix}/finished/`
  }

  /** Says all there is to know of it in its name, so that one listing tells all heads. */
  finishedOf({ incarnation, head, lines }: { incarnation: string; head: number; lines: number }): string {
    return `${this.finished}${incarnation}-${head}-${lines}`
  }

  parseFinished(key: string): { incarnation: string; head: number; lines: number } | undefined {
    const [, incarnation, head, lines] = /^([0-9a-z]+)-(\d+)-(\d+)$/.exec(key.slice(this.finished.length)) ?? []
    return incarnation === undefined ? undefined : { incarnation, head: Number(head), lines: Number(lines) }
  }

  batches(incarnation: string): string {
    return `${this.prefix}/batches/${incarnation}/`
  }

  batch(incarnation: string, number: number): string {
    return `${this.batches(incarnation)}${padded(number)}${ENDING}`
  }

  numberOfBatch(key: string): number {
    return Number(key.slice(key.lastIndexOf('/') + 1, -ENDING.length))
  }

  packs(incarnation: string): string {
    return `${this.prefix}/packs/${incarnation}/`
  }

  /** The last number comes first, so that the pack of a number is the first one listed at or after it. */
  pack(incarnation: string, { first, last }: { first: number; last: number }): string {
    return `${this.packs(incarnation)}${padded(last)}-${padded(first)}${ENDING}`
  }

  parsePack(key: string): { first: number; last: number } | undefined {
    const [, last, first] = /\/(\d{15})-(\d{15})\.ndjson\.zst$/.exec(key) ?? []
    return last === undefined ? undefined : { first: Number(first), last: Number(last) }
  }

  /** Sorts behind every pack that ends before this number. */
  beforePackOf(incarnation: string, number: number): string {
    return `${this.packs(incarnation)}${padded(number - 1)}~`
  }

  get clock(): string {
    return `${this.prefix}/clock`
  }
}

const ENDING = '.ndjson.zst'
const padded = (number: number) => String(number).padStart(15, '0')
