import { type EventTypes, loadEventTypes } from '@sluice/events'
import { routedTables } from '@sluice/store'
import { indexLayout } from '@sluice/store-elasticsearch/server/index-layout'
import { beforeAll, describe, expect, it } from 'vitest'
import type { LensColumn } from '../../infra/kibana/lens.ts'
import { ndjson } from '../../infra/kibana/objects.ts'
import { readRepository as read } from './compose-file.ts'

let types: EventTypes
beforeAll(async () => {
  types = await loadEventTypes({})
})

describe("Kibana's saved objects", () => {
  interface Saved {
    id: string
    type: string
    attributes: Record<string, unknown>
    references: { type: string; id: string; name: string }[]
  }
  let objects: Saved[]
  /** Columns of each data view, by its id, with the type that the sink gives them. */
  const columns = new Map<string, Record<string, { type?: string }>>()

  beforeAll(async () => {
    objects = (await read('infra/kibana/saved-objects.ndjson'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    for (const stored of routedTables(types, 'elasticsearch')) {
      const layout = indexLayout('sluice', stored)
      const view = objects.find(
        ({ type, attributes }) => type === 'index-pattern' && attributes['title'] === layout.reading,
      )
      if (view) columns.set(view.id, layout.properties as Record<string, { type?: string }>)
    }
  })
  const views = () => objects.filter(({ type }) => type === 'index-pattern')
  const textOf = (object: Saved, ...path: string[]): string =>
    String(path.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], object.attributes))

  it('are what objects.ts writes', async () => {
    expect(await read('infra/kibana/saved-objects.ndjson')).toBe(ndjson())
  })

  it('have a data view for every index of the sink, and no other', () => {
    expect(
      views()
        .map(({ attributes }) => attributes['title'])
        .sort(),
    ).toEqual(
      routedTables(types, 'elasticsearch')
        .map((stored) => indexLayout('sluice', stored).reading)
        .sort(),
    )
  })

  it('take time from columns that are dates', () => {
    const timed = views().filter(({ attributes }) => attributes['timeFieldName'] !== undefined)
    expect(timed.length).toBeGreaterThan(1)
    for (const { id, attributes } of timed)
      expect(columns.get(id)?.[String(attributes['timeFieldName'])]?.type, id).toBe('date')
  })

  it('refer to nothing that is not among them', () => {
    const known = new Set(objects.map(({ type, id }) => `${type}/${id}`))
    const references = objects.flatMap(({ references: found }) => found)
    expect(references.length).toBeGreaterThan(15)
    expect(references.filter(({ type, id }) => !known.has(`${type}/${id}`))).toEqual([])
    expect(known.size).toBe(objects.length)
  })

  it('show, sort and control by columns that the index has', () => {
    for (const object of objects.filter(({ type }) => type === 'search')) {
      const fields = columns.get(object.references[0]?.id ?? '')
      const named = [
        ...(object.attributes['columns'] as string[]),
        ...(object.attributes['sort'] as [string, string][]).map(([column]) => column),
      ]
      expect(
        named.filter((name) => fields?.[name] === undefined),
        object.id,
      ).toEqual([])
    }
    for (const object of objects.filter(({ type }) => type === 'dashboard')) {
      const controls: Record<string, { explicitInput: { fieldName: string } }> = JSON.parse(
        textOf(object, 'controlGroupInput', 'panelsJSON'),
      )
      expect(Object.keys(controls)).toEqual(['actor', 'genre'])
      for (const [control, { explicitInput }] of Object.entries(controls)) {
        const reference = object.references.find(({ name }) => name === `controlGroup_${control}:optionsListDataView`)
        expect(columns.get(reference?.id ?? '')?.[explicitInput.fieldName]?.type).toBe('keyword')
      }
    }
  })

  it('count, average and group by columns of a fitting type', () => {
    const fitting: Record<LensColumn['operationType'], readonly (string | undefined)[]> = {
      count: [undefined],
      average: ['integer', 'long', 'double'],
      terms: ['keyword', 'integer', 'long'],
      date_histogram: ['date'],
    }
    const seen: string[] = []
    for (const object of objects.filter(({ type }) => type === 'dashboard')) {
      const panels: {
        type: string
        panelIndex: string
        gridData: { x: number; w: number; i: string }
        panelRefName?: string
        embeddableConfig: {
          attributes?: {
            references: { id: string; name: string }[]
            state: {
              datasourceStates: {
                formBased: { layers: Record<string, { columns: Record<string, LensColumn>; columnOrder: string[] }> }
              }
            }
          }
        }
      }[] = JSON.parse(textOf(object, 'panelsJSON'))
      expect(new Set(panels.map(({ panelIndex }) => panelIndex)).size).toBe(panels.length)
      for (const panel of panels) {
        expect(panel.gridData.i).toBe(panel.panelIndex)
        expect(panel.gridData.x + panel.gridData.w).toBeLessThanOrEqual(48)
        if (panel.type === 'search') {
          const reference = object.references.find(({ name }) => name === `${panel.panelIndex}:${panel.panelRefName}`)
          expect(reference?.type).toBe('search')
          continue
        }
        const { references, state } =
          panel.embeddableConfig.attributes ?? expect.fail(`panel ${panel.panelIndex} is empty`)
        for (const [layer, { columns: shown, columnOrder }] of Object.entries(
          state.datasourceStates.formBased.layers,
        )) {
          expect(columnOrder).toEqual(Object.keys(shown))
          const view = references.find(({ name }) => name === `indexpattern-datasource-layer-${layer}`)?.id ?? ''
          for (const { operationType, sourceField } of Object.values(shown)) {
            expect(fitting[operationType], `${sourceField} of ${view}`).toContain(
              columns.get(view)?.[sourceField]?.type,
            )
            seen.push(`${view} ${operationType} ${sourceField}`)
          }
        }
      }
    }
    expect(seen).toEqual(expect.arrayContaining(['sluice-movies terms cast', 'sluice-movies terms genres']))
  })
})
