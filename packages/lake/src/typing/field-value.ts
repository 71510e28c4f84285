import type { Field } from '@sluice/events'
import { literal } from '../duckdb/sql-text.ts'

/** What the SQL of a field works on: columns of the row, as SQL. */
export interface FieldSource {
  /** The value's JSON text (VARCHAR); NULL where the field is absent or null. */
  json: string
  /** BOOLEAN: the JSON text of the event is the client's own, to the letter. */
  verbatim: string
  /** BOOLEAN: no number of the event has so many digits that a double loses some. */
  short_numbers: string
}

/** A JSON number, as a regular expression. */
export const JSON_NUMBER = '-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?'
const INSTANT =
  '"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?"'
const STRINGS = '\\[("([^"\\\\]|\\\\.)*"(,"([^"\\\\]|\\\\.)*")*)?\\]'
/** 0001-01-01 and the last microsecond of 9999, since the epoch: what RFC 3339 can write. */
const FIRST_INSTANT_US = -62_135_596_800_000_000n
const LAST_INSTANT_US = 253_402_300_799_999_999n

/**
 * SQL for a field's typed value. NULL says "absent" or "not for SQL": it takes what it can take with certainty, and
 * leaves all else, right or wrong, to `exactValue`.
 */
export function fieldValue(field: Field, source: FieldSource): string {
  const { json } = source
  switch (field.kind) {
    case 'string':
      return oneOf(field, stringValue(source))
    case 'int':
      return integerValue('INTEGER', source)
    case 'long':
      return integerValue('BIGINT', source)
    case 'decimal':
      return decimalValue(field.precision, field.scale, source)
    case 'double':
      return doubleValue(source)
    case 'float':
      return `TRY_CAST(${doubleValue(source)} AS FLOAT)`
    case 'boolean':
      return `CASE ${json} WHEN 'true' THEN true WHEN '"true"' THEN true WHEN 'false' THEN false WHEN '"false"' THEN false END`
    case 'instant':
      return instantValue(json)
    case 'string_list':
      return `CASE WHEN regexp_full_match(${json}, ${literal(STRINGS)}) THEN from_json(${json}, '["VARCHAR"]') END`
  }
}

/** DuckDB writes integers as they came, but for -0. */
function stringValue({ json, verbatim }: FieldSource): string {
  return `CASE WHEN starts_with(${json}, '"') THEN json_extract_string(${json}, '$')
    WHEN regexp_full_match(${json}, '-?[1-9][0-9]*') THEN ${json}
    WHEN ${verbatim} AND regexp_full_match(${json}, ${literal(JSON_NUMBER)}) THEN ${json} END`
}

function oneOf(field: Field, value: string): string {
  return field.one_of ? `CASE WHEN (${value}) IN (${field.one_of.map(literal).join(', ')}) THEN ${value} END` : value
}

/** Text that is not written as DuckDB writes the integer is not for SQL; casts round, and take underscores and spaces. */
function integerValue(type: string, { json, short_numbers }: FieldSource): string {
  const text = unquoted(json)
  return `CASE WHEN TRY_CAST(${text} AS ${type})::VARCHAR = ${text} THEN TRY_CAST(${text} AS ${type})
    WHEN suffix(${json}, '.0') AND TRY_CAST(${json} AS ${type})::VARCHAR || '.0' = ${json} AND ${short_numbers} THEN TRY_CAST(${json} AS ${type}) END`
}

function decimalValue(precision: number, scale: number, { json, short_numbers }: FieldSource): string {
  const text = unquoted(json)
  const places = scale === 0 ? '([.]0+)?' : `([.][0-9]{1,${scale}}0*)?`
  return `CASE WHEN regexp_full_match(${text}, '-?(0|[1-9][0-9]*)${places}') AND (starts_with(${json}, '"') OR NOT contains(${json}, '.') OR ${short_numbers})
    THEN TRY_CAST(${text} AS DECIMAL(${precision}, ${scale})) END`
}

/** Casts of text take more than JSON's numbers. */
function doubleValue({ json }: FieldSource): string {
  const number = `TRY_CAST(${unquoted(json)} AS DOUBLE)`
  const written = `starts_with(${json}, '"') AND NOT regexp_full_match(${json}, ${literal(`"${JSON_NUMBER}"`)})`
  return `CASE WHEN ${written} THEN NULL WHEN isfinite(${number}) THEN ${number} END`
}

/** A cast to TIMESTAMP skips an offset, one to TIMESTAMPTZ takes the session's zone where there is none. */
function instantValue(json: string): string {
  const text = unquoted(json)
  const us = `CASE WHEN regexp_full_match(${json}, '.{20,}[+-].{6}') THEN epoch_us(TRY_CAST(${text} AS TIMESTAMPTZ)) ELSE epoch_us(TRY_CAST(${text} AS TIMESTAMP)) END`
  return `CASE WHEN regexp_full_match(${json}, ${literal(INSTANT)}) AND ${us} BETWEEN ${FIRST_INSTANT_US} AND ${LAST_INSTANT_US} THEN make_timestamptz(${us}) END`
}

/** The characters of a string without escapes, or the text of anything else. */
function unquoted(json: string): string {
  return `CASE WHEN starts_with(${json}, '"') THEN ${json}[2:-2] ELSE ${json} END`
}
