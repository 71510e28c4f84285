import type { KibanaView, Panel, Place } from './saved-object.ts'

/** A column of a Lens layer. */
export interface LensColumn {
  label: string
  dataType: 'number' | 'date' | 'string'
  operationType: 'count' | 'average' | 'terms' | 'date_histogram'
  sourceField: string
  isBucketed: boolean
  scale: 'ratio' | 'interval' | 'ordinal'
  customLabel?: boolean
  params?: object
}

const LAYER = 'layer'
const METRIC = 'metric'
const BUCKET = 'bucket'

export const count = (label: string): LensColumn => ({
  label,
  customLabel: true,
  dataType: 'number',
  operationType: 'count',
  isBucketed: false,
  scale: 'ratio',
  sourceField: '___records___',
  params: { emptyAsNull: false },
})

export const average = (sourceField: string, label: string): LensColumn => ({
  label,
  customLabel: true,
  dataType: 'number',
  operationType: 'average',
  isBucketed: false,
  scale: 'ratio',
  sourceField,
  params: { emptyAsNull: true },
})

export const overTime = (sourceField: string): LensColumn => ({
  label: sourceField,
  dataType: 'date',
  operationType: 'date_histogram',
  isBucketed: true,
  scale: 'interval',
  sourceField,
  params: { interval: 'auto', includeEmptyRows: true, dropPartials: false },
})

/** The most frequent values of a column. */
export const top = (
  sourceField: string,
  label: string,
  size: number,
  dataType: 'string' | 'number' = 'string',
): LensColumn => ({
  label,
  customLabel: true,
  dataType,
  operationType: 'terms',
  isBucketed: true,
  scale: 'ordinal',
  sourceField,
  params: {
    size,
    orderBy: { type: 'column', columnId: METRIC },
    orderDirection: 'desc',
    otherBucket: false,
    missingBucket: false,
    parentFormat: { id: 'terms' },
  },
})

/** One number. */
export function metricPanel(index: string, place: Place, title: string, view: KibanaView, metric: LensColumn): Panel {
  const visualization = { layerId: LAYER, layerType: 'data', metricAccessor: METRIC }
  return lensPanel(index, place, title, view, 'lnsMetric', visualization, { [METRIC]: metric })
}

/** A measure by a bucket, as bars or a line. */
export function xyPanel(
  index: string,
  place: Place,
  title: string,
  view: KibanaView,
  { bucket, metric, as }: { bucket: LensColumn; metric: LensColumn; as: 'bar_stacked' | 'bar_horizontal' | 'line' },
): Panel {
  const shown = { x: true, yLeft: true, yRight: true }
  const visualization = {
    legend: { isVisible: false, position: 'right' },
    valueLabels: 'hide',
    fittingFunction: 'None',
    axisTitlesVisibilitySettings: { x: false, yLeft: true, yRight: true },
    tickLabelsVisibilitySettings: shown,
    gridlinesVisibilitySettings: shown,
    preferredSeriesType: as,
    layers: [
      {
        layerId: LAYER,
        layerType: 'data',
        seriesType: as,
        position: 'top',
        showGridlines: false,
        xAccessor: BUCKET,
        accessors: [METRIC],
      },
    ],
  }
  return lensPanel(index, place, title, view, 'lnsXY', visualization, { [BUCKET]: bucket, [METRIC]: metric })
}

function lensPanel(
  index: string,
  place: Place,
  title: string,
  view: KibanaView,
  visualizationType: 'lnsXY' | 'lnsMetric',
  visualization: object,
  columns: Readonly<Record<string, LensColumn>>,
): Panel {
  const reference = { type: 'index-pattern' as const, id: view.id, name: `indexpattern-datasource-layer-${LAYER}` }
  const layer = { columns, columnOrder: Object.keys(columns), incompleteColumns: {} }
  const attributes = {
    title,
    description: '',
    type: 'lens',
    visualizationType,
    references: [reference],
    state: {
      visualization,
      query: { query: '', language: 'kuery' },
      filters: [],
      datasourceStates: { formBased: { layers: { [LAYER]: layer } } },
      internalReferences: [],
      adHocDataViews: {},
    },
  }
  return {
    panel: {
      version: '8.11.0',
      type: 'lens',
      gridData: { ...place, i: index },
      panelIndex: index,
      title,
      embeddableConfig: { attributes, hidePanelTitles: false, enhancements: {} },
    },
    references: [{ ...reference, name: `${index}:${reference.name}` }],
  }
}
