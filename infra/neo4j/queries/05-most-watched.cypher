// # Most watched
// An edge a pair of viewer and film carries how often it was watched and when last.
MATCH (:User)-[w:WATCHED]->(movie:Movie)
RETURN movie.id AS movie_id, movie.title AS title, sum(w.views) AS views, count(*) AS viewers, max(w.last_watched_at) AS last_watched_at
ORDER BY views DESC LIMIT 20;
