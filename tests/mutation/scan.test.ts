// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/credentialShapes.test";
import "../agent/secretsScan.test";
