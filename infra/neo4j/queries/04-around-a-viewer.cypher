// # Around a viewer
// What somebody watched, what is related to it and what was recommended, as a picture.
// :param user_id => 'u101'
MATCH path = (:User {id: $user_id})-[:WATCHED|RECOMMENDED]->(:Movie)-[:RELATED_TO*0..1]->(:Movie)
RETURN path LIMIT 100;
