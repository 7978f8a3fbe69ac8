// Runs once, when the database is first made. One user for the platform, limited to its own databases.
const services = ["directory", "content", "fleet", "broadcast", "signboard", "contest", "reporting"];
db.getSiblingDB("admin").createUser({
  user: "lantoa",
  pwd: process.env.MONGO_INITDB_ROOT_PASSWORD,
  roles: services.map((name) => ({ role: "readWrite", db: `lantoa_${name}` })),
});
