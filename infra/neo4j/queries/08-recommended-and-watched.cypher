// # Did recommendations work
// Of the films that were recommended, how many were watched after the recommendation.
MATCH (user:User)-[r:RECOMMENDED]->(movie:Movie)
OPTIONAL MATCH (user)-[w:WATCHED]->(movie) WHERE w.last_watched_at > r.recommended_at
RETURN r.because_of AS because_of, count(r) AS recommended, count(w) AS watched_later,
       round(100.0 * count(w) / count(r), 1) AS percent
ORDER BY recommended DESC;
