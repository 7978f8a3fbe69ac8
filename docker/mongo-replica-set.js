// Makes the replica set of one member, or finds it made, and waits until it takes writes.
try {
  rs.status();
} catch (error) {
  rs.initiate({ _id: "lantoa", members: [{ _id: 0, host: "mongo:27017" }] });
}
while (!db.hello().isWritablePrimary) sleep(200);
