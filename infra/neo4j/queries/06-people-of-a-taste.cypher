// # People of a taste
// Viewers who watched the same films as somebody, the closest first.
// :param user_id => 'u101'
MATCH (user:User {id: $user_id})-[:WATCHED]->(movie:Movie)<-[:WATCHED]-(other:User)
WHERE other <> user
RETURN other.id AS viewer, count(movie) AS films_in_common, collect(movie.title)[..5] AS films
ORDER BY films_in_common DESC, viewer LIMIT 20;
