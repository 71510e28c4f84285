import type { Field } from '@sluice/events'
import type { Row } from '@sluice/store'
import neo4j, { DateTime, isDateTime } from 'neo4j-driver'

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?Z$/

/**
 * A row's value as a property: instants as Neo4j's own, whole numbers as integers, lists as lists; longs and decimals
 * as their text, because Cypher's numbers would round some.
 */
export function toGraph(kind: Field['kind'], value: Row[string] | undefined): unknown {
  if (value === null || value === undefined) return null
  if (kind === 'int') return neo4j.int(String(value))
  if (kind === 'float' || kind === 'double') return Number(value)
  if (kind === 'boolean') return value === true || value === 'true'
  if (kind === 'instant') return dateTime(String(value))
  if (Array.isArray(value)) return value.map(String)
  return String(value)
}

function dateTime(text: string): DateTime<number> | string {
  const parts = INSTANT.exec(text)
  if (!parts) return text
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number)
  const nanosecond = Number((parts[7] ?? '').slice(0, 9).padEnd(9, '0'))
  return new DateTime(year, month, day, hour, minute, second, nanosecond, 0)
}

/** A value of an answer as the lake writes it: instants as RFC 3339 in UTC with microseconds. */
export function fromGraph(value: unknown): Row[string] {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map(String)
  if (isDateTime(value)) return instantText(value)
  return String(value)
}

/** All that the store writes is in UTC. */
function instantText(at: DateTime): string {
  const two = (part: unknown) => String(part).padStart(2, '0')
  const micros = String(Math.floor(Number(at.nanosecond) / 1000)).padStart(6, '0')
  const day = `${String(at.year).padStart(4, '0')}-${two(at.month)}-${two(at.day)}`
  return `${day}T${two(at.hour)}:${two(at.minute)}:${two(at.second)}.${micros}Z`
}
