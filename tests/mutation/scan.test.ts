// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/flows/credentialShapes.test";
import "../agent/flows/secretsScan.test";
