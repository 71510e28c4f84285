import type { EdgeMapping, EventType } from '@sluice/events'
import type { InventoryQuery } from '@sluice/store'
import { edgeName, fieldOf, type GraphTable, graphTable } from './graph-table.ts'
import { joinedSql } from './pair-identity.ts'

/**
 * Tracked tables: identity and event_id of each row. Others: one row an edge, `TYPE|from|to`, with `count|latest` of a
 * tally and the event_id of the newest row otherwise.
 */
export const inventoryQuery: InventoryQuery = (stored) => {
  const graph = graphTable(stored)
  if (graph.tracked) {
    const { key, explode } = stored.type
    const identity = key ? `CAST(${quoted(key)} AS VARCHAR)` : 'event_id'
    const exploded = explode?.table === stored.table ? ` || '/' || CAST("position" AS VARCHAR)` : ''
    return `SELECT ${identity}${exploded} AS identity, event_id AS fingerprint FROM source`
  }
  return graph.edges.map((edge, index) => edgeInventory(graph, edge, edgeName(graph, index))).join(' UNION ALL ')
}

function edgeInventory({ type }: GraphTable, edge: EdgeMapping<string>, name: string): string {
  const order = edge.keep === 'tally' ? edge.latest.field : edge.keep === 'newest' ? edge.by : 'event_id'
  const pairs =
    `SELECT from_id, ${endItems(type, edge.to.field)} AS to_id, order_value, event_id FROM (` +
    `SELECT ${endItems(type, edge.from.field)} AS from_id, ${quoted(edge.to.field)}, ` +
    `${quoted(order)} AS order_value, event_id FROM source)`
  const fingerprint =
    edge.keep === 'tally'
      ? `CAST(count(*) AS VARCHAR) || '|' || coalesce(${instantText('max(order_value)')}, '')`
      : 'last(event_id ORDER BY order_value ASC NULLS FIRST, event_id ASC)'
  return (
    `SELECT ${joinedSql(`'${name}'`, 'from_id', 'to_id')} AS identity, ${fingerprint} AS fingerprint ` +
    `FROM (${pairs}) WHERE from_id IS NOT NULL AND to_id IS NOT NULL GROUP BY from_id, to_id`
  )
}

const endItems = (type: EventType, field: string): string =>
  fieldOf(type, field).kind === 'string_list'
    ? `unnest(list_distinct(${quoted(field)}))`
    : `CAST(${quoted(field)} AS VARCHAR)`

/** RFC 3339 in UTC with microseconds, whether the column has a time zone or not. */
const instantText = (sql: string): string => `strftime(make_timestamp(epoch_us(${sql})), '%Y-%m-%dT%H:%M:%S.%fZ')`

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
