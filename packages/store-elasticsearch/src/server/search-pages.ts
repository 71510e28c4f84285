import type { Client, estypes } from '@elastic/elasticsearch'

/** Hits that one request asks for: below the 10,000 that an index gives at most, and few where they are large. */
const PAGE_HITS = 5_000
const PAGE_HITS_WITH_ROWS = 1_000
const KEEP_ALIVE = '1m'

export interface PagedSearch extends Pick<estypes.SearchRequest, 'query' | 'highlight' | 'docvalue_fields'> {
  /** Must tell any two hits apart. */
  sort: estypes.SortCombinations[]
  /** What is read of each row; false: nothing. */
  _source: string[] | false
  search_after?: estypes.SortResults
}

/** All hits up to a limit, in order, from one index or alias; more than a page of them as they were at one point in time. */
export async function searchPages<T>(
  client: Client,
  index: string,
  search: PagedSearch,
  limit: number,
): Promise<estypes.SearchHit<T>[]> {
  const page = search._source === false ? PAGE_HITS : PAGE_HITS_WITH_ROWS
  if (limit <= page) return hitsOf(await client.search<T>({ index, ...request(search, limit) }))
  const { id } = await client.openPointInTime({ index, keep_alive: KEEP_ALIVE })
  try {
    const hits: estypes.SearchHit<T>[] = []
    let after = search.search_after
    while (hits.length < limit) {
      const size = Math.min(page, limit - hits.length)
      const pit = { id, keep_alive: KEEP_ALIVE }
      const found = hitsOf(await client.search<T>({ pit, ...request({ ...search, search_after: after }, size) }))
      hits.push(...found)
      after = found.at(-1)?.sort
      if (found.length < size) break
    }
    return hits
  } finally {
    await client.closePointInTime({ id }, { ignore: [404] })
  }
}

const request = (search: PagedSearch, size: number): estypes.SearchRequest => ({
  ...search,
  size,
  track_total_hits: false,
  // A shard that is away is an error, never fewer hits.
  allow_partial_search_results: false,
})

const hitsOf = <T>(response: estypes.SearchResponse<T>): estypes.SearchHit<T>[] => response.hits.hits
