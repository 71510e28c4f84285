/** The forms of Kibana's saved objects that we write, in versions that its importer migrates to its own. */
export interface SavedObject {
  id: string
  type: 'index-pattern' | 'search' | 'dashboard'
  attributes: object
  references: Reference[]
  coreMigrationVersion: string
  typeMigrationVersion: string
  managed: boolean
}

export interface Reference {
  type: 'index-pattern' | 'search'
  id: string
  name: string
}

export interface KibanaView {
  id: string
  /** What is shown. */
  name: string
  /** The alias that shows the rows of the newest complete generation. */
  index: string
  /** Left out: the time picker does not narrow it. */
  time?: string
}

const CORE = '8.8.0'
const SOURCE = 'kibanaSavedObjectMeta.searchSourceJSON.index'

export function dataView({ id, name, index, time }: KibanaView): SavedObject {
  return {
    id,
    type: 'index-pattern',
    attributes: {
      title: index,
      name,
      ...(time === undefined ? {} : { timeFieldName: time }),
      // The sink's own bookkeeping.
      sourceFilters: JSON.stringify([{ value: '_sluice*' }]),
      fields: '[]',
      fieldAttrs: '{}',
      fieldFormatMap: '{}',
      runtimeFieldMap: '{}',
      typeMeta: '{}',
    },
    references: [],
    coreMigrationVersion: CORE,
    typeMigrationVersion: '7.11.0',
    managed: false,
  }
}

export interface SavedSearch {
  id: string
  title: string
  description: string
  view: KibanaView
  columns: string[]
  sort: [column: string, direction: 'asc' | 'desc'][]
  /** In KQL. */
  query?: string
}

export function savedSearch({ id, title, description, view, columns, sort, query = '' }: SavedSearch): SavedObject {
  const source = {
    highlightAll: true,
    version: true,
    query: { query, language: 'kuery' },
    filter: [],
    indexRefName: SOURCE,
  }
  return {
    id,
    type: 'search',
    attributes: {
      title,
      description,
      columns,
      sort,
      hits: 0,
      version: 1,
      kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify(source) },
    },
    references: [{ type: 'index-pattern', id: view.id, name: SOURCE }],
    coreMigrationVersion: CORE,
    typeMigrationVersion: '7.9.3',
    managed: false,
  }
}

/** A panel's place on the dashboard's 48 columns. */
export interface Place {
  x: number
  y: number
  w: number
  h: number
}

export interface Panel {
  panel: object
  references: Reference[]
}

/** A control above the panels: one or more values of a column. */
export interface OptionsControl {
  id: string
  title: string
  view: KibanaView
  column: string
}

export interface Dashboard {
  id: string
  title: string
  description: string
  panels: Panel[]
  controls: OptionsControl[]
  /** The time picker's beginning, as `now-7d`. */
  from: string
}

export function dashboard({ id, title, description, panels, controls, from }: Dashboard): SavedObject {
  const controlPanels = controls.map((control, order) => [
    control.id,
    {
      order,
      width: 'medium',
      grow: true,
      type: 'optionsListControl',
      explicitInput: { id: control.id, title: control.title, fieldName: control.column, enhancements: {} },
    },
  ])
  return {
    id,
    type: 'dashboard',
    attributes: {
      title,
      description,
      version: 1,
      timeRestore: true,
      timeFrom: from,
      timeTo: 'now',
      refreshInterval: { pause: true, value: 60_000 },
      optionsJSON: JSON.stringify({
        useMargins: true,
        syncColors: false,
        syncCursor: true,
        syncTooltips: false,
        hidePanelTitles: false,
      }),
      panelsJSON: JSON.stringify(panels.map(({ panel }) => panel)),
      controlGroupInput: {
        controlStyle: 'oneLine',
        chainingSystem: 'HIERARCHICAL',
        panelsJSON: JSON.stringify(Object.fromEntries(controlPanels)),
        ignoreParentSettingsJSON: JSON.stringify({
          ignoreFilters: false,
          ignoreQuery: false,
          ignoreTimerange: false,
          ignoreValidations: false,
        }),
      },
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { language: 'kuery', query: '' }, filter: [] }),
      },
    },
    references: [
      ...panels.flatMap(({ references }) => references),
      ...controls.map(({ id: control, view }) => ({
        type: 'index-pattern' as const,
        id: view.id,
        name: `controlGroup_${control}:optionsListDataView`,
      })),
    ],
    coreMigrationVersion: CORE,
    typeMigrationVersion: '8.7.0',
    managed: false,
  }
}

/** A saved search as a panel. */
export function searchPanel(index: string, place: Place, title: string, search: string): Panel {
  const panelRefName = `panel_${index}`
  return {
    panel: {
      version: '8.11.0',
      type: 'search',
      gridData: { ...place, i: index },
      panelIndex: index,
      title,
      embeddableConfig: { enhancements: {} },
      panelRefName,
    },
    references: [{ type: 'search', id: search, name: `${index}:${panelRefName}` }],
  }
}
