/**
 * The Grafana dashboard of our metrics. `node infra/grafana/dashboard.ts > infra/grafana/dashboards/sluice.json` writes
 * the file that Grafana reads; a test holds both together and checks every metric and label against the code.
 */

interface Query {
  /** In PromQL. */
  expr: string
  legend: string
}

interface Panel {
  title: string
  description: string
  kind: 'timeseries' | 'stat'
  unit: string
  queries: Query[]
  /** Columns of 24 and rows. */
  width: number
  height: number
  /** A stat turns red from here on. */
  alarm?: number
}

const DATASOURCE = { type: 'prometheus', uid: 'sluice-prometheus' }
const WIDTH = 24

const stat = (title: string, description: string, unit: string, expr: string, alarm?: number): Panel => {
  return { title, description, kind: 'stat', unit, queries: [{ expr, legend: '' }], width: 4, height: 4, alarm }
}

const series = (
  title: string,
  description: string,
  unit: string,
  ...queries: [expr: string, legend: string][]
): Panel => {
  const named = queries.map(([expr, legend]) => ({ expr, legend }))
  return { title, description, kind: 'timeseries', unit, queries: named, width: 8, height: 8 }
}

const quantiles = (metric: string, by = ''): [string, string][] =>
  [0.5, 0.95, 0.99].map((q) => [
    `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (rate(${metric}_bucket[$__rate_interval])))`,
    `p${q * 100}${by && ` {{${by}}}`}`,
  ])

const SECTIONS: readonly { title: string; panels: readonly Panel[] }[] = [
  {
    title: 'Now',
    panels: [
      stat('Accepted', 'Events a second.', 'ops', 'sum(rate(sluice_ingest_events_total{result="accepted"}[1m]))'),
      stat(
        'Backlog',
        'Records on the log that are not decided yet.',
        'short',
        'sum(max by (partition) (sluice_transformer_backlog_records))',
        100_000,
      ),
      stat(
        'Commit, p95',
        'From the last record of a micro-batch to the ledger commit.',
        's',
        'histogram_quantile(0.95, sum by (le) (rate(sluice_transformer_batch_seconds_bucket[5m])))',
        2,
      ),
      stat('Most a store is behind', 'Of all stores and tables.', 's', 'max(sluice_sink_behind_seconds)', 60),
      stat(
        'Quarantined, 1 h',
        'Events that could not be loaded; the console lists them with reasons.',
        'short',
        'sum(increase(sluice_transformer_events_total{outcome="quarantined"}[1h]))',
        1,
      ),
      stat(
        'Sinks at rest',
        'Paused, their store is away, or they are: stores that a sink fed within a day and that none feeds now.',
        'short',
        'count(max by (store) (last_over_time(sluice_sink_running[1d]))) - (count(max by (store) (sluice_sink_running) == 1) or vector(0))',
        1,
      ),
    ],
  },
  {
    title: 'Throughput',
    panels: [
      series('Ingest', 'Events by what their check said.', 'ops', [
        'sum by (result) (rate(sluice_ingest_events_total[$__rate_interval]))',
        '{{result}}',
      ]),
      series('Decided', 'Receipts in the ledger, by outcome.', 'ops', [
        'sum by (outcome) (rate(sluice_transformer_events_total[$__rate_interval]))',
        '{{outcome}}',
      ]),
      series('Rows to stores', 'Changed rows that stores took.', 'ops', [
        'sum by (store) (rate(sluice_sink_rows_total[$__rate_interval]))',
        '{{store}}',
      ]),
      series(
        'Bytes',
        'Request bodies, decompressed, and raw batches.',
        'Bps',
        ['sum(rate(sluice_ingest_received_bytes_total[$__rate_interval]))', 'received'],
        ['sum(rate(sluice_ingest_durable_bytes_total[$__rate_interval]))', 'durable'],
      ),
      series('Events a raw batch', 'How many events share one object of the raw zone.', 'short', [
        'sum(rate(sluice_ingest_durable_events_total[$__rate_interval])) / sum(rate(sluice_ingest_append_seconds_count[$__rate_interval]))',
        'events',
      ]),
      series('Micro-batches', 'By what became of them; fenced and raced ones are tried again.', 'ops', [
        'sum by (result) (rate(sluice_transformer_batches_total[$__rate_interval]))',
        '{{result}}',
      ]),
    ],
  },
  {
    title: 'Lag',
    panels: [
      series('Not on the log yet', 'Raw batches that are durable and wait to be published.', 'short', [
        'sum by (instance) (sluice_ingest_unpublished_batches)',
        '{{instance}}',
      ]),
      series('Backlog by partition', 'Records on the log that the ledger has not decided.', 'short', [
        'max by (partition) (sluice_transformer_backlog_records)',
        '{{partition}}',
      ]),
      series('Tables behind the ledger', 'Ledger versions whose plans are not in all tables.', 'short', [
        'max by (instance) (sluice_transformer_behind_versions)',
        '{{instance}}',
      ]),
      series('Stores behind, seconds', 'The table that is behind for longest, by store.', 's', [
        'max by (store) (sluice_sink_behind_seconds)',
        '{{store}}',
      ]),
      series('Stores behind, versions', 'Table versions that a store does not have.', 'short', [
        'max by (store, table) (sluice_sink_behind_versions) > 0',
        '{{store}} {{table}}',
      ]),
      series(
        'Versions',
        'The ledger, and table versions that stores have.',
        'short',
        ['max(sluice_transformer_ledger_version)', 'ledger'],
        ['max by (store, table) (sluice_sink_version)', '{{store}} {{table}}'],
      ),
    ],
  },
  {
    title: 'Commit time',
    panels: [
      series(
        'Raw batch durable',
        'Time to make a raw batch durable.',
        's',
        ...quantiles('sluice_ingest_append_seconds'),
      ),
      series(
        'Ledger commit',
        'From the last record of a micro-batch to the ledger commit.',
        's',
        ...quantiles('sluice_transformer_batch_seconds'),
      ),
      series('Answers, p95', 'From a request to the end of its answer, by route.', 's', [
        'histogram_quantile(0.95, sum by (le, route) (rate(sluice_http_answer_seconds_bucket[$__rate_interval])))',
        '{{route}}',
      ]),
    ],
  },
  {
    title: 'Quarantine and errors',
    panels: [
      series('Quarantined and repeated', 'Receipts that did not become rows.', 'ops', [
        'sum by (outcome) (rate(sluice_transformer_events_total{outcome!="stored"}[$__rate_interval]))',
        '{{outcome}}',
      ]),
      series('Rejected events', 'Refused by ingest, by reason.', 'ops', [
        'sum by (code) (rate(sluice_ingest_rejected_total[$__rate_interval]))',
        '{{code}}',
      ]),
      series('Refused rows', 'Rows that a store refused for good; verify lists them.', 'short', [
        'sum by (store, table) (increase(sluice_sink_refused_total[$__rate_interval]))',
        '{{store}} {{table}}',
      ]),
      series(
        'Failures',
        'Calls that failed and were tried again.',
        'ops',
        ['sum by (store) (rate(sluice_sink_failures_total[$__rate_interval]))', '{{store}}'],
        ['sum(rate(sluice_transformer_failures_total[$__rate_interval]))', 'transformer'],
        ['sum by (code) (rate(sluice_ingest_refused_total[$__rate_interval]))', 'ingest {{code}}'],
      ),
      series('Answers that are errors', 'By status.', 'ops', [
        'sum by (route, status) (rate(sluice_http_answer_seconds_count{status=~"[45].."}[$__rate_interval]))',
        '{{status}} {{route}}',
      ]),
      series(
        'Reloads and adoptions',
        'Tables loaded into stores from their beginning; ingests that ended and were taken over.',
        'short',
        ['sum by (store) (increase(sluice_sink_reloads_total[$__rate_interval]))', '{{store}}'],
        ['sum(sluice_ingest_adopted_incarnations)', 'adopted ingests'],
      ),
    ],
  },
  {
    title: 'Processes',
    panels: [
      series('Memory', 'Resident.', 'bytes', [
        'sum by (job, instance) (sluice_process_process_resident_memory_bytes)',
        '{{job}} {{instance}}',
      ]),
      series('Processor', 'Cores in use.', 'short', [
        'sum by (job, instance) (rate(sluice_process_process_cpu_seconds_total[$__rate_interval]))',
        '{{job}} {{instance}}',
      ]),
      series(
        'Requests held, and the log',
        'Bytes of requests under way; 1 while the event log takes records.',
        'short',
        ['sum by (instance) (sluice_ingest_held_bytes)', 'bytes {{instance}}'],
        ['min by (instance) (sluice_ingest_log_reachable)', 'log {{instance}}'],
      ),
      series('Event loop', 'How late timers are, p99.', 's', [
        'max by (job, instance) (sluice_process_nodejs_eventloop_lag_p99_seconds)',
        '{{job}} {{instance}}',
      ]),
    ],
  },
]

/** Every query of the dashboard. */
export const queries: readonly string[] = SECTIONS.flatMap(({ panels }) =>
  panels.flatMap((panel) => panel.queries.map(({ expr }) => expr)),
)

export function dashboard(): object {
  const panels: object[] = []
  let y = 0
  for (const section of SECTIONS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: section.title,
      collapsed: false,
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
      panels: [],
    })
    y += 1
    let x = 0
    for (const panel of section.panels) {
      if (x + panel.width > WIDTH) {
        x = 0
        y += panel.height
      }
      panels.push(panelJson(panel, panels.length + 1, { x, y, w: panel.width, h: panel.height }))
      x += panel.width
    }
    y += section.panels.at(-1)?.height ?? 0
  }
  return {
    uid: 'sluice',
    title: 'Sluice',
    tags: ['sluice'],
    timezone: 'browser',
    editable: false,
    graphTooltip: 1,
    refresh: '10s',
    schemaVersion: 39,
    version: 1,
    time: { from: 'now-30m', to: 'now' },
    timepicker: {},
    templating: { list: [] },
    annotations: { list: [] },
    links: [],
    panels,
  }
}

function panelJson(
  { title, description, kind, unit, queries: asked, alarm }: Panel,
  id: number,
  gridPos: object,
): object {
  const steps = [{ color: 'green', value: null }, ...(alarm === undefined ? [] : [{ color: 'red', value: alarm }])]
  return {
    id,
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    gridPos,
    targets: asked.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: DATASOURCE,
      editorMode: 'code',
      range: true,
      expr,
      legendFormat: legend || '__auto',
    })),
    fieldConfig: { defaults: { unit, min: 0, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options:
      kind === 'stat'
        ? {
            reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
            colorMode: 'value',
            graphMode: 'area',
            textMode: 'auto',
          }
        : {
            legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
            tooltip: { mode: 'multi', sort: 'desc' },
          },
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(dashboard(), null, 2)}\n`)
