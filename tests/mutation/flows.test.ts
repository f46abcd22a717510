import fc from "fast-check";
// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/layout.test";
import "../agent/userFolder.test";
import "../agent/secretNames.test";
import "../agent/urlCredentials.test";
import "../agent/secretValues.test";
import "../agent/mcpServer.test";
import "../agent/canonicalJson.test";
import "../agent/flowFile.test";
import "../agent/secretsOwn.test";
import "../agent/secrets.test";

// A fixed seed, so that every run tests the same values.
fc.configureGlobal({ seed: 1 });
