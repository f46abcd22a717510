import "../agent/snapshot.test";
