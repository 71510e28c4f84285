import { average, count, metricPanel, overTime, top, xyPanel } from './lens.ts'
import { dashboard, dataView, type KibanaView, type SavedObject, savedSearch, searchPanel } from './saved-object.ts'

/**
 * What Kibana is given. `node infra/kibana/objects.ts > infra/kibana/saved-objects.ndjson` writes the file that is
 * imported; a test holds both together and checks every index and column against the sink's own mappings.
 */

const films: KibanaView = { id: 'sluice-movies', name: 'Films', index: 'sluice-movies' }
const posts: KibanaView = { id: 'sluice-posts', name: 'Posts', index: 'sluice-posts', time: 'received_at' }
const reviews: KibanaView = { id: 'sluice-reviews', name: 'Reviews', index: 'sluice-reviews', time: 'reviewed_at' }
const comments: KibanaView = { id: 'sluice-comments', name: 'Comments', index: 'sluice-comments', time: 'commented_at' }
export const dataViews: readonly KibanaView[] = [films, posts, reviews, comments]

const searches: SavedObject[] = [
  savedSearch({
    id: 'sluice-search-subtitles',
    title: 'Films: search the subtitles',
    description:
      'Type into the search bar, as subtitles : "dream a little bigger"; words are found whatever their case and accents.',
    view: films,
    columns: ['title', 'subtitles', 'cast'],
    sort: [],
  }),
  savedSearch({
    id: 'sluice-search-posts',
    title: 'Posts: newest first',
    description: 'Type into the search bar, as content : trailer.',
    view: posts,
    columns: ['user_id', 'content', 'media'],
    sort: [['received_at', 'desc']],
  }),
  savedSearch({
    id: 'sluice-search-bad-reviews',
    title: 'Reviews: two stars and fewer',
    description: 'What people complain about.',
    view: reviews,
    columns: ['subject_id', 'rating', 'text', 'user_id'],
    sort: [['reviewed_at', 'desc']],
    query: 'rating <= 2',
  }),
  savedSearch({
    id: 'sluice-search-comments',
    title: 'Comments: newest first',
    description: 'Type into the search bar, as text : wobble.',
    view: comments,
    columns: ['subject_id', 'text', 'user_id'],
    sort: [['commented_at', 'desc']],
  }),
]

const overview = dashboard({
  id: 'sluice-overview',
  title: 'Sluice: posts, reviews and films',
  description:
    'Posts, reviews, films by actor and genre, and a search of subtitles, from the lake tables of the same names.',
  from: 'now-7d',
  controls: [
    { id: 'actor', title: 'Actor', view: films, column: 'cast' },
    { id: 'genre', title: 'Genre', view: films, column: 'genres' },
  ],
  panels: [
    metricPanel('1', { x: 0, y: 0, w: 12, h: 6 }, 'Films', films, count('films')),
    metricPanel('2', { x: 12, y: 0, w: 12, h: 6 }, 'Posts', posts, count('posts')),
    metricPanel('3', { x: 24, y: 0, w: 12, h: 6 }, 'Reviews', reviews, count('reviews')),
    metricPanel('4', { x: 36, y: 0, w: 12, h: 6 }, 'Mean rating', reviews, average('rating', 'stars')),
    xyPanel('5', { x: 0, y: 6, w: 24, h: 12 }, 'Posts over time', posts, {
      bucket: overTime('received_at'),
      metric: count('posts'),
      as: 'bar_stacked',
    }),
    xyPanel('6', { x: 24, y: 6, w: 24, h: 12 }, 'Mean rating over time', reviews, {
      bucket: overTime('reviewed_at'),
      metric: average('rating', 'stars'),
      as: 'line',
    }),
    xyPanel('7', { x: 0, y: 18, w: 16, h: 14 }, 'Films by actor', films, {
      bucket: top('cast', 'actor', 15),
      metric: count('films'),
      as: 'bar_horizontal',
    }),
    xyPanel('8', { x: 16, y: 18, w: 16, h: 14 }, 'Films by genre', films, {
      bucket: top('genres', 'genre', 15),
      metric: count('films'),
      as: 'bar_horizontal',
    }),
    xyPanel('9', { x: 32, y: 18, w: 16, h: 14 }, 'Reviews by stars', reviews, {
      bucket: top('rating', 'stars', 10, 'number'),
      metric: count('reviews'),
      as: 'bar_horizontal',
    }),
    searchPanel('10', { x: 0, y: 32, w: 48, h: 14 }, 'Search of subtitles', 'sluice-search-subtitles'),
    searchPanel('11', { x: 0, y: 46, w: 24, h: 14 }, 'Newest posts', 'sluice-search-posts'),
    searchPanel('12', { x: 24, y: 46, w: 24, h: 14 }, 'Reviews of two stars and fewer', 'sluice-search-bad-reviews'),
  ],
})

export const savedObjects: readonly SavedObject[] = [...dataViews.map(dataView), ...searches, overview]

/** One object a line, as the import API takes them. */
export const ndjson = (): string => savedObjects.map((object) => `${JSON.stringify(object)}\n`).join('')

if (import.meta.main) process.stdout.write(ndjson())
