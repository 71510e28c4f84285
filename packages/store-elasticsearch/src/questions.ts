import type { Question } from '@sluice/store'

const text = (name: string, description: string) => ({ name, required: true, description, kind: 'text' }) as const

/** The questions that the search store answers. */
export const questions: readonly Question[] = [
  {
    name: 'movies-with-actor',
    store: 'elasticsearch',
    description: 'Movies whose cast has exactly this actor.',
    parameters: [text('actor', "The actor's name as it stands in the cast.")],
    columns: [
      { name: 'movie_id', type: 'VARCHAR' },
      { name: 'title', type: 'VARCHAR' },
      { name: 'cast', type: 'VARCHAR[]' },
    ],
  },
  {
    name: 'posts-about',
    store: 'elasticsearch',
    description: 'Posts whose content has all words of a text, best match first.',
    parameters: [text('text', 'Words to look for; case and accents make no difference.')],
    columns: [
      { name: 'post_id', type: 'VARCHAR' },
      { name: 'user_id', type: 'VARCHAR' },
      { name: 'content', type: 'VARCHAR' },
      { name: 'highlight', type: 'VARCHAR' },
    ],
  },
  {
    name: 'movies-by-subtitle',
    store: 'elasticsearch',
    description: 'Movies whose subtitles have all words of a text, best match first.',
    parameters: [text('text', 'Words to look for; case and accents make no difference.')],
    columns: [
      { name: 'movie_id', type: 'VARCHAR' },
      { name: 'title', type: 'VARCHAR' },
      { name: 'highlight', type: 'VARCHAR' },
    ],
  },
]

/** How a question is put to a store: one exact value of a list, or all words of a text. */
export type SearchPlan =
  | { table: string; match: 'item'; field: string; parameter: string }
  | { table: string; match: 'words'; field: string; parameter: string }

export const searchPlans: Readonly<Record<string, SearchPlan>> = {
  'movies-with-actor': { table: 'movies', match: 'item', field: 'cast', parameter: 'actor' },
  'posts-about': { table: 'posts', match: 'words', field: 'content', parameter: 'text' },
  'movies-by-subtitle': { table: 'movies', match: 'words', field: 'subtitles', parameter: 'text' },
}
