import type { estypes } from '@elastic/elasticsearch'
import type { Answer, Row } from '@sluice/store'
import type { SearchPlan } from '../questions.ts'
import type { PagedSearch } from './search-pages.ts'

/** A highlight as the embedded store makes it: at most three fragments, hits in `<em>`, everything else escaped. */
const FRAGMENTS = 3
const FRAGMENT_CHARACTERS = 160
const FRAGMENT_GAP = ' … '

const BY_IDENTITY: estypes.SortCombinations = { '_sluice.identity': 'asc' }

/** A question in Elasticsearch's query language; the value is only ever a value. */
export function searchOf(plan: SearchPlan, columns: Answer['columns'], value: string): PagedSearch {
  const _source = columns.map(({ name }) => name).filter((name) => name !== 'highlight')
  if (plan.match === 'item') return { query: { term: { [plan.field]: value } }, sort: [BY_IDENTITY], _source }
  const search: PagedSearch = {
    query: { match: { [plan.field]: { query: value, operator: 'and' } } },
    sort: [{ _score: { order: 'desc' } }, BY_IDENTITY],
    _source,
  }
  if (_source.length === columns.length) return search
  const fields = { [plan.field]: { number_of_fragments: FRAGMENTS, fragment_size: FRAGMENT_CHARACTERS } }
  return { ...search, highlight: { encoder: 'html', fields } }
}

export function answerRow(hit: estypes.SearchHit<Row>, columns: Answer['columns']): Row {
  const fragments = Object.values(hit.highlight ?? {}).flat()
  return Object.fromEntries(
    columns.map(({ name }) => [
      name,
      name === 'highlight' ? fragments.join(FRAGMENT_GAP) : (hit._source?.[name] ?? null),
    ]),
  )
}
