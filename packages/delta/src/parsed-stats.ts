/**
 * `stats_parsed` of a checkpoint (PROTOCOL.md, Checkpoints) as the JSON text of `stats`. Dates of Parquet become days
 * where they fall on midnight without a time, instants keep milliseconds, as JSON statistics do.
 */
export function statsFromStruct(struct: unknown): string | undefined {
  if (typeof struct !== 'object' || struct === null) return undefined
  const text = JSON.stringify(struct, (_name, value: unknown) => {
    if (typeof value === 'bigint') return JSON.rawJSON(value.toString())
    if (value instanceof Uint8Array) return undefined
    return value === null ? undefined : value
  })
  return text === '{}' ? undefined : text
}
