import fc from "fast-check";
// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/flows/layout.test";
import "../agent/flows/userFolder.test";
import "../formats/flows/secretNames.test";
import "../formats/flows/urlCredentials.test";
import "../formats/flows/secretValues.test";
import "../formats/flows/mcpServer.test";
import "../formats/flows/canonicalJson.test";
import "../formats/flows/flowFile.test";
import "../formats/flows/secretsOwn.test";
import "../formats/flows/secrets.test";

// A fixed seed, so that every run tests the same values.
fc.configureGlobal({ seed: 1 });
