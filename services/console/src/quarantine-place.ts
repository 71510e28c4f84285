/** A row of the quarantine, by which the next page begins. */
export interface QuarantinePlace {
  batch: string
  line: number
}

/** `next` of an answer as the place it names; `undefined` if it is none. */
export function quarantinePlace(next: string): QuarantinePlace | undefined {
  const [, batch, line] = /^(.+)\/(\d{1,9})$/.exec(next) ?? []
  return batch === undefined ? undefined : { batch, line: Number(line) }
}
