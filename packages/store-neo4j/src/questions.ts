import type { Question } from '@sluice/store'

const id = (name: string, description: string) => ({ name, required: true, description, kind: 'text' }) as const

/** The questions that the graph store answers. */
export const questions: readonly Question[] = [
  {
    name: 'because-you-watched',
    store: 'neo4j',
    description: 'Films that a user has not watched, next to those the user has: one row for each such pair.',
    parameters: [id('user_id', 'The viewer.')],
    columns: [
      { name: 'movie_id', type: 'VARCHAR' },
      { name: 'title', type: 'VARCHAR' },
      { name: 'because_of', type: 'VARCHAR' },
    ],
  },
  {
    name: 'why-recommended',
    store: 'neo4j',
    description: 'Why a film was recommended to a user: the newest recommendation.',
    parameters: [id('user_id', 'The viewer.'), id('movie_id', 'The recommended film.')],
    columns: [
      { name: 'reason', type: 'VARCHAR' },
      { name: 'because_of', type: 'VARCHAR' },
      { name: 'score', type: 'DOUBLE' },
      { name: 'recommended_at', type: 'TIMESTAMP' },
    ],
  },
]

/** The Cypher of a question, the tables it needs, and its parameters besides `limit`. */
export interface CypherQuestion {
  tables: readonly string[]
  cypher: string
}

export const cypherQuestions: Readonly<Record<string, CypherQuestion>> = {
  'because-you-watched': {
    tables: ['viewing_history', 'movies'],
    cypher: `MATCH (user:User {id: $user_id})-[:WATCHED]->(watched:Movie)-[:RELATED_TO]->(movie:Movie)
WHERE NOT EXISTS { MATCH (user)-[:WATCHED]->(movie) }
RETURN DISTINCT movie.id AS movie_id, movie.title AS title, watched.id AS because_of
ORDER BY movie_id, because_of LIMIT $limit`,
  },
  'why-recommended': {
    tables: ['recommendations'],
    cypher: `MATCH (:User {id: $user_id})-[r:RECOMMENDED]->(:Movie {id: $movie_id})
RETURN r.reason AS reason, r.because_of AS because_of, r.score AS score, r.recommended_at AS recommended_at
LIMIT $limit`,
  },
}
