import type { SchemaElement } from 'hyparquet'
import type { RawValue } from './parquet-encoding.ts'
import { dateText, decimalText } from './value.ts'

/** Values as JSON statistics have them: instants as text with milliseconds, dates as days, decimals as numbers. */
export type PlainValue = string | number | bigint | boolean | Uint8Array | null

/** What a value of a Parquet column is, by its logical type; `undefined` if it is what it is. */
export function valueReader(element: SchemaElement): ((raw: RawValue) => PlainValue) | undefined {
  const { converted_type: converted, logical_type: logical } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0)
    return (raw) => Number(decimalText(unscaled(raw), scale))
  }
  if (converted === 'DATE' || logical?.type === 'DATE') return (raw) => dateText(Number(raw))
  const unit = logical?.type === 'TIMESTAMP' ? logical.unit : undefined
  if (converted === 'TIMESTAMP_MILLIS' || unit === 'MILLIS') return (raw) => instantText(BigInt(raw as number), 1n)
  if (converted === 'TIMESTAMP_MICROS' || unit === 'MICROS') return (raw) => instantText(BigInt(raw as number), 1_000n)
  if (unit === 'NANOS') return (raw) => instantText(BigInt(raw as number), 1_000_000n)
  return isText(element) ? (raw) => (raw instanceof Buffer ? raw.toString() : raw) : undefined
}

/** Whether a column's values are nothing but texts. */
export function isText({ type, converted_type, logical_type }: SchemaElement): boolean {
  return type === 'BYTE_ARRAY' && converted_type !== 'DECIMAL' && logical_type?.type !== 'DECIMAL'
}

function instantText(value: bigint, per_ms: bigint): string {
  const ms = value / per_ms - (value % per_ms < 0n ? 1n : 0n)
  return new Date(Number(ms)).toISOString()
}

function unscaled(raw: RawValue): bigint {
  if (!(raw instanceof Uint8Array)) return BigInt(raw)
  let value = 0n
  for (const byte of raw) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(raw.length * 8, value)
}
