// # Because you watched
// Films that a viewer has not seen, next to those the viewer has. The question because-you-watched asks the same.
// :param user_id => 'u101'
MATCH (user:User {id: $user_id})-[:WATCHED]->(watched:Movie)-[:RELATED_TO]->(movie:Movie)
WHERE NOT EXISTS { MATCH (user)-[:WATCHED]->(movie) }
RETURN DISTINCT movie.id AS movie_id, movie.title AS title, watched.id AS because_of
ORDER BY movie_id, because_of;
